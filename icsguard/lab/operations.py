"""What operators of the water cell do: normal operation and the maintenance round, as timed Modbus requests.

The maintenance round is the learning material: it moves every set-point, drive and switch that operators move, far
enough for a twin to learn what each of them does, and never long enough to endanger the plant. Normal operation is
what goes on during the attacks: a gateway that hinders it has failed.
"""

from __future__ import annotations

import random
import struct
from typing import Final, NamedTuple

from icsguard.lab import registers as at
from icsguard.protocols.modbus import build

STEADY_1: Final = 49.0
STEADY_2: Final = 58.0
"""Speeds of the pumps, in percent, at which the cell stands about still."""
ROUND_S: Final = 15.0
"""Length of one maintenance round."""
POLL: Final = (
    build.read(4, at.LEVEL_1, 9),
    build.read(3, at.SETPOINT_1, 12),
    build.read(1, at.AUTO_1, 6),
    build.read(2, at.PUMP_1_RUNS, 6),
)
"""What the SCADA reads, again and again."""
STATION_POLL: Final = (build.read(4, at.LEVEL_1, 9), build.read(3, at.SETPOINT_1, 12), build.identification())
"""What the engineering station reads, now and then."""


class Move(NamedTuple):
    """One thing that an operator does."""

    at_s: float
    """Since the start of the round."""
    text: str
    pdu: bytes


def level(address: int, metres: float) -> bytes:
    """Return the write of a level set-point."""
    return build.write_register(address, round(metres * 1000))


def percent(address: int, value: float) -> bytes:
    """Return the write of a speed or an opening."""
    return build.write_register(address, round(value * 10))


def switch(address: int, *, on: bool) -> bytes:
    """Return the write of a coil."""
    return build.write_coil(address, on=on)


def dose(mg_l: float) -> bytes:
    """Return the write of the dosing set-point, both its registers at once."""
    return build.write_registers(at.DOSE, struct.unpack(">HH", struct.pack(">f", mg_l)))


def maintenance_round(noise: random.Random) -> tuple[Move, ...]:
    """Return one round of ROUND_S: set-points, both loops in manual, both pumps stopped for a moment, valve, dose."""
    vary = noise.uniform
    return (
        Move(0.0, "set-point of tank 1", level(at.SETPOINT_1, vary(2.1, 2.4))),
        Move(0.6, "dose", dose(round(vary(0.9, 1.2), 2))),
        Move(1.5, "set-point of tank 2", level(at.SETPOINT_2, vary(2.1, 2.4))),
        Move(3.0, "set-point of tank 1", level(at.SETPOINT_1, vary(1.8, 2.0))),
        Move(3.4, "lamp on", build.write_register(at.CONTROL_WORD, 2)),
        Move(4.0, "set-point of tank 2", level(at.SETPOINT_2, vary(1.8, 2.0))),
        Move(5.5, "loop 1 in manual", switch(at.AUTO_1, on=False)),
        Move(5.6, "speed of pump 1", percent(at.MANUAL_SPEED_1, vary(44.0, 47.0))),
        Move(6.4, "speed of pump 1", percent(at.MANUAL_SPEED_1, vary(56.0, 63.0))),
        Move(6.8, "pump 2 off", switch(at.PUMP_2, on=False)),
        Move(8.1, "pump 2 on", switch(at.PUMP_2, on=True)),
        Move(8.3, "loop 1 in automatic", switch(at.AUTO_1, on=True)),
        Move(8.4, "speed of pump 1", percent(at.MANUAL_SPEED_1, STEADY_1)),
        Move(9.0, "loop 2 in manual", switch(at.AUTO_2, on=False)),
        Move(9.1, "speed of pump 2", percent(at.MANUAL_SPEED_2, vary(62.0, 69.0))),
        Move(9.9, "speed of pump 2", percent(at.MANUAL_SPEED_2, vary(51.0, 55.0))),
        Move(10.4, "pump 1 off", switch(at.PUMP_1, on=False)),
        Move(11.0, "pump 1 on", switch(at.PUMP_1, on=True)),
        Move(11.2, "loop 2 in automatic", switch(at.AUTO_2, on=True)),
        Move(11.3, "speed of pump 2", percent(at.MANUAL_SPEED_2, STEADY_2)),
        Move(11.5, "valve", percent(at.VALVE_COMMAND, vary(60.0, 75.0))),
        Move(12.5, "valve", percent(at.VALVE_COMMAND, 100.0)),
        Move(12.7, "pump 2 off", switch(at.PUMP_2, on=False)),
        Move(13.9, "pump 2 on", switch(at.PUMP_2, on=True)),
        Move(14.0, "dose", dose(0.8)),
        Move(14.2, "lamp off", build.write_register(at.CONTROL_WORD, 0)),
        Move(14.4, "set-points of both tanks", build.write_registers(at.SETPOINT_1, (2000, 2000))),
    )


def normal_operation(noise: random.Random) -> tuple[Move, ...]:
    """Return twelve seconds of a quiet shift: small moves of set-point and dose, and the lamp."""
    shift = noise.choice((-0.06, 0.06))
    return (
        Move(1.0, "dose", dose(round(noise.uniform(0.75, 0.95), 2))),
        Move(3.0, "set-point of tank 1", level(at.SETPOINT_1, 2.0 + shift)),
        Move(5.0, "lamp on", build.write_register(at.CONTROL_WORD, 2)),
        Move(7.0, "dose", dose(0.8)),
        Move(9.0, "set-point of tank 1", level(at.SETPOINT_1, 2.0)),
        Move(11.0, "lamp off", build.write_register(at.CONTROL_WORD, 0)),
    )


NORMAL_S: Final = 12.0
"""Length of one sequence of normal operation."""
