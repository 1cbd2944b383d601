"""The water cell as OPC UA nodes: their names, what they hold, and how each hangs together with the control program.

One table serves the plant's server, the operators, the attackers, and the policy that the gateway gets.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from icsguard.lab import registers as at
from icsguard.lab.registers import MAX_WORD, Registers

NAMESPACE: Final = "urn:example:water-cell"
CELL: Final = "Cell"
"""The object that all nodes belong to."""
STOP_CONTROL: Final = "StopControl"
"""A method for fitters: it stops the control program. Nobody calls it while the plant runs."""
LAMP_TEST: Final = "LampTest"
"""A method of the operators."""
BYPASS: Final = "interlock_bypass"
PATH: Final = "/cell"
"""Of the endpoint URLs."""

Value = float | bool


@dataclass(frozen=True, slots=True)
class CellNode:
    """One variable."""

    name: str
    read: Callable[[Registers], Value]
    write: Callable[[Registers, Value], None] | None = None
    """None: the server takes a written value as it comes, and the program never looks at it."""
    low: float | None = None
    """What operators may write, from and to; None: no operator writes it."""
    high: float | None = None

    @property
    def is_switch(self) -> bool:
        """Say whether it is a Boolean."""
        return isinstance(self.read(Registers()), bool)

    @property
    def node(self) -> str:
        """Its full name, as rules and points have it."""
        return f"nsu={NAMESPACE};s={self.name}"


def _word(value: Value, scale: float) -> int:
    """Return the register that holds a value; the PLC believes whatever a client says, within one word."""
    return min(max(round(value / scale), 0), MAX_WORD) if math.isfinite(value) else MAX_WORD


def _measured(name: str, address: int, scale: float) -> CellNode:
    return CellNode(name, lambda held: held.inputs[address] * scale)


def _held(name: str, address: int, scale: float, low: float | None = None, high: float | None = None) -> CellNode:
    def write(held: Registers, value: Value) -> None:
        held.holding[address] = _word(value, scale)

    return CellNode(name, lambda held: held.holding[address] * scale, write, low, high)


def _switch(name: str, address: int, *, free: bool = True) -> CellNode:
    def write(held: Registers, value: Value) -> None:
        held.coils[address] = int(bool(value))

    limits = (0.0, 1.0) if free else (None, None)
    return CellNode(name, lambda held: bool(held.coils[address]), write, *limits)


def _write_dose(held: Registers, value: Value) -> None:
    held.holding[at.DOSE : at.DOSE + 2] = struct.unpack(">HH", struct.pack(">f", float(value)))


def _write_bypass(held: Registers, value: Value) -> None:
    word = held.holding[at.CONTROL_WORD] & ~at.BYPASS_BIT
    held.holding[at.CONTROL_WORD] = word | (at.BYPASS_BIT if value else 0)


NODES: Final = (
    _measured("level_1", at.LEVEL_1, 0.001),
    _measured("level_2", at.LEVEL_2, 0.001),
    _measured("flow_in", at.FLOW_IN, 0.1),
    _measured("flow_transfer", at.FLOW_TRANSFER, 0.1),
    _measured("flow_town", at.FLOW_TOWN, 0.1),
    _measured("speed_1", at.SPEED_1, 0.1),
    _measured("speed_2", at.SPEED_2, 0.1),
    _measured("valve", at.VALVE, 0.1),
    _measured("chlorine", at.CHLORINE, 0.01),
    _held("setpoint_1", at.SETPOINT_1, 0.001, 1.7, 2.7),
    _held("setpoint_2", at.SETPOINT_2, 0.001, 1.7, 2.7),
    _held("manual_speed_1", at.MANUAL_SPEED_1, 0.1, 0.0, 80.0),
    _held("manual_speed_2", at.MANUAL_SPEED_2, 0.1, 0.0, 80.0),
    _held("valve_command", at.VALVE_COMMAND, 0.1, 40.0, 100.0),
    _held("alarm_limit_high", at.LIMIT_HIGH, 0.001),
    _held("alarm_limit_low", at.LIMIT_LOW, 0.001),
    CellNode("dose", lambda held: held.dose_mg_l, _write_dose, 0.3, 1.5),
    CellNode(BYPASS, lambda held: bool(held.holding[at.CONTROL_WORD] & at.BYPASS_BIT), _write_bypass),
    _switch("auto_1", at.AUTO_1),
    _switch("auto_2", at.AUTO_2),
    _switch("pump_1", at.PUMP_1),
    _switch("pump_2", at.PUMP_2),
    _switch("emergency_stop", at.EMERGENCY_STOP, free=False),
)
BY_NAME: Final = {node.name: node for node in NODES}
WRITTEN: Final = tuple(node for node in NODES if node.low is not None)
"""What operators write."""
