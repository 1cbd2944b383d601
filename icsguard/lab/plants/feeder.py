"""A power feeder: a transformer with tap changer, two feeders, a capacitor bank, a solar plant.

Voltage drop by active and reactive power, a tap changer that steps when the voltage was out of its band for long
enough, losses that heat the oil, fans that cool it. The voltage is algebraic, so that most of what happens here happens
between two polls: quite another plant than a tank. kV, MW, Mvar, °C.
"""

from __future__ import annotations

import math
from typing import Final

from icsguard.lab.plants.api import Outside, Plant, State, Stroke, Told, measured, setpoint, switch
from icsguard.lab.plants.parts import follow, in_pieces, outage, towards

_NOMINAL: Final = 20.0
_STEP: Final = 0.0125  # of the voltage, one tap
_TAPS: Final = 8.0
_BAND: Final = 0.25  # kV
_DELAY_S: Final = 8.0
_PIECE_S: Final = 2.0

TAGS: Final = (
    measured("voltage", "kV", 0.001, 0.01, safe=(18.8, 21.2), loop="V-1"),
    measured("power_1", "MW", 0.001, 0.01),
    measured("power_2", "MW", 0.001, 0.01, loop="F-2"),
    measured("reactive", "Mvar", 0.001, 0.01, offset=-10.0, loop="V-1"),
    measured("current", "A", 0.1, 0.5),
    measured("solar", "MW", 0.001, 0.01, loop="S-1"),
    measured("tap", "", 0.1, 0.0, offset=-10.0, loop="V-1"),
    measured("oil", "°C", 0.1, 0.05, safe=(None, 95.0), loop="T-1"),
    measured("fan", "%", 0.1, 0.05, loop="T-1"),
    setpoint("setpoint_voltage", "kV", 0.001, 20.0, usual=(19.7, 20.4), writable=(17.0, 23.0), loop="V-1"),
    setpoint("manual_tap", "", 1.0, 10.0, usual=None, writable=(2.0, 18.0), loop="V-1"),
    setpoint("solar_limit", "MW", 0.001, 6.0, usual=(3.0, 6.0), writable=(0.0, 8.0), loop="S-1"),
    setpoint("fan_command", "%", 0.1, 60.0, usual=(50.0, 80.0), writable=(0.0, 100.0), loop="T-1"),
    switch("auto_tap", 1.0, "V-1"),
    switch("capacitor", 0.0, "V-1"),
    switch("breaker_2", 1.0, "F-2"),
)

_MAINTENANCE: Final = (
    (
        Stroke(0, "manual_tap", 10, 11),
        Stroke(1, "auto_tap", 0, 0),
        Stroke(10, "manual_tap", 9, 12),
        Stroke(12, "auto_tap", 1, 1),
    ),
    (Stroke(0, "capacitor", 1, 1), Stroke(40, "capacitor", 0, 0)),
    outage("breaker_2", 8),
)


def _piece(state: State, told: Told, outside: Outside, dt: float) -> State:
    day = outside.day
    load_1 = 6.0 + 2.0 * math.sin(2 * math.pi * (day - 0.4)) + 0.3 * outside.wander_1
    load_2 = (4.0 + 1.2 * math.sin(4 * math.pi * (day - 0.1)) + 0.2 * outside.wander_2) * told["breaker_2"]
    sun = max(math.sin(2 * math.pi * (day - 0.25)), 0.0) * 6.0
    solar = follow(state["solar"], min(sun, told["solar_limit"]), 0.2, dt)
    taken = load_1 + load_2 - solar
    reactive = 0.35 * (load_1 + load_2) - 2.4 * told["capacitor"]
    tap, waited = _tap(state, told, dt)
    voltage = _NOMINAL * (1.0 + _STEP * tap) - 0.06 * taken - 0.16 * reactive
    current = 1000.0 * math.hypot(taken, reactive) / (math.sqrt(3) * max(voltage, 1.0))
    fan = towards(state["fan"] / 100, told["fan_command"] / 100, 10.0, dt)
    hot = 25.0 + 0.0005 * current**2 / (0.6 + 0.7 * fan)
    return {
        "voltage": voltage,
        "power_1": load_1,
        "power_2": load_2,
        "reactive": reactive,
        "current": current,
        "solar": solar,
        "tap": tap,
        "oil": towards(state["oil"], hot, 240.0, dt),
        "fan": fan * 100,
        "waited": waited,
    }


def _tap(state: State, told: Told, dt: float) -> tuple[float, float]:
    """Return the tap, and how long the voltage has been out of its band (the sign says on which side)."""
    tap, waited = state["tap"], state["waited"]
    if told["auto_tap"] <= 0:
        return min(max(told["manual_tap"] - 10.0, -_TAPS), _TAPS), 0.0
    error = told["setpoint_voltage"] - state["voltage"]
    if abs(error) <= _BAND:
        return tap, 0.0
    side = math.copysign(1.0, error)
    waited = waited + side * dt if waited * side >= 0 else side * dt
    if abs(waited) < _DELAY_S:
        return tap, waited
    return min(max(tap + side, -_TAPS), _TAPS), 0.0


PLANT: Final = Plant(
    name="feeder",
    title="power feeder with tap changer",
    step_s=2.0,
    day_s=3600.0,
    tags=TAGS,
    start={
        "voltage": 20.0,
        "power_1": 6.0,
        "power_2": 4.0,
        "reactive": 3.5,
        "current": 300.0,
        "solar": 0.0,
        "tap": 4.0,
        "oil": 60.0,
        "fan": 60.0,
        "waited": 0.0,
    },
    advance=in_pieces(_piece, _PIECE_S),
    maintenance=_MAINTENANCE,
)
