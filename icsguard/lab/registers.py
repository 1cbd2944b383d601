"""The four Modbus tables of the simulated PLC, with the addresses of its points, bounded like those of a small device.

`icsguard.lab.program` computes with them, `icsguard.lab.plc` serves them, `icsguard.lab.cell` describes them as a
point list. All addresses are 0-based.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass, field
from typing import Final

from icsguard.core.meaning import Table

SIZE: Final = 16
"""Elements of each table; beyond them the PLC answers ILLEGAL DATA ADDRESS."""

LEVEL_1, LEVEL_2, FLOW_IN, FLOW_TRANSFER, FLOW_TOWN, SPEED_1, SPEED_2, VALVE, CHLORINE = range(9)
"""Input registers."""
SETPOINT_1, SETPOINT_2, MANUAL_SPEED_1, MANUAL_SPEED_2, VALVE_COMMAND, LIMIT_HIGH, LIMIT_LOW, CONTROL_WORD = range(8)
"""Holding registers."""
DOSE: Final = 10
"""Holding registers 10 and 11: a 32-bit float."""
AUTO_1, AUTO_2, PUMP_1, PUMP_2 = range(4)
"""Coils."""
EMERGENCY_STOP: Final = 5
"""Coil."""
PUMP_1_RUNS, PUMP_2_RUNS, HIGH_1, LOW_1, HIGH_2, LOW_2 = range(6)
"""Discrete inputs."""

BYPASS_BIT: Final = 1 << 15
"""Of CONTROL_WORD: the low-level interlock of pump 2 is bypassed. Nobody but a fitter at the cabinet should."""
MAX_WORD: Final = 0xFFFF


def _start_holding() -> list[int]:
    words = [0] * SIZE
    words[SETPOINT_1], words[SETPOINT_2] = 2000, 2000
    words[MANUAL_SPEED_1], words[MANUAL_SPEED_2] = 490, 580
    words[VALVE_COMMAND] = 1000
    words[LIMIT_HIGH], words[LIMIT_LOW] = 2900, 1300
    words[DOSE], words[DOSE + 1] = struct.unpack(">HH", struct.pack(">f", 0.8))
    return words


def _start_coils() -> list[int]:
    bits = [0] * SIZE
    for address in (AUTO_1, AUTO_2, PUMP_1, PUMP_2):
        bits[address] = 1
    return bits


@dataclass(slots=True)
class Registers:
    """The tables as the device holds them; every value is always one that the wire can carry."""

    coils: list[int] = field(default_factory=_start_coils)
    discrete: list[int] = field(default_factory=lambda: [0] * SIZE)
    inputs: list[int] = field(default_factory=lambda: [0] * SIZE)
    holding: list[int] = field(default_factory=_start_holding)

    def of(self, table: Table) -> list[int]:
        """Return the cells of a table. Raises KeyError for file records, which this device has not."""
        cells = {
            Table.COIL: self.coils,
            Table.DISCRETE: self.discrete,
            Table.INPUT: self.inputs,
            Table.HOLDING: self.holding,
        }
        return cells[table]

    def show(self, address: int, value: float, scale: float) -> None:
        """Put a measured value into an input register: rounded to its quantum, cut off at what a word can hold."""
        self.inputs[address] = min(max(round(value / scale), 0), MAX_WORD)

    @property
    def dose_mg_l(self) -> float:
        """The dosing set-point; 0 where the two registers hold no number."""
        (value,) = struct.unpack(">f", struct.pack(">HH", *self.holding[DOSE : DOSE + 2]))
        return float(value) if math.isfinite(value) else 0.0
