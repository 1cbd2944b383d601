"""A cold store: one sliding and two stepped machines compress ammonia, it condenses, and boils in two rooms' coolers.

```
 rooms' coolers ──▶ [separator] ──compressors──▶ [condenser] ──▶ [receiver]
       ▲───liquid────┘   ▲──────────── expansion valve ◀────────────┘
```

Mass and enthalpy of the separator are balanced, its pressure is that of saturated ammonia (Antoine's equation with the
constants of Stull 1947), so pressure and temperature are one. Machines: displaced volume, clearance, polytropic work.
Which of the stepped machines run is decided by how long the sliding one stood at its end: between two steps everything
jumps. Frost grows on the coolers and makes them worse until they are defrosted with hot gas. Quick-frozen food is kept
at -18 °C, 3 K warmer for a short time at most (Directive 89/108/EEC). °C, bar absolute, kW, kg/s.
"""

from __future__ import annotations

import math
from typing import Final

from icsguard.lab.plants.api import Outside, Plant, State, Stroke, Told, measured, setpoint, switch
from icsguard.lab.plants.parts import by_hand, in_pieces, outage, regulate, towards

_PIECE_S: Final = 2.5
_KELVIN: Final = 273.15
_GAS: Final = 0.4882  # kJ/kg/K of ammonia: 8.314 / 17.03
_POLYTROPIC: Final = 1.3
_EFFICIENCY: Final = 0.7
_CLEARANCE: Final = 0.05
_OIL_TAKES: Final = 0.55  # of the heat of compression
_SLIDING_M3: Final = 0.13  # displaced a second
_STEP_M3: Final = 0.08
_LEAST_SLIDE: Final = 0.3
_STEP_UP, _STEP_DOWN, _STEP_AFTER_S = 0.97, 0.34, 60.0
_ROOM_KJ: Final = 4000.0  # kJ/K
_ROOM_WALL: Final = 1.2  # kW/K
_COOLER: Final = 24.0  # kW/K, free of frost
_FROST_TAKES: Final = 0.3
_FROST_S: Final = 30_000.0
_DEFROST_S: Final = 40.0
_DEFROST_KW: Final = 25.0
_SEPARATOR_KJ: Final = 2000.0  # kJ/K: steel and liquid
SEPARATOR_KG: Final = 200.0  # between 0 and 100 % of its level
RECEIVER_KG: Final = 400.0
_VALVE: Final = 0.15  # kg/s at one bar
_CONDENSER_KJ: Final = 1500.0
_CONDENSER: Final = 20.0  # kW/K

TAGS: Final = (
    measured("room_1", "°C", 0.01, 0.03, offset=-60.0, safe=(-30.0, -15.0), loop="TIC-1"),
    measured("room_2", "°C", 0.01, 0.03, offset=-60.0, safe=(-30.0, -15.0), loop="TIC-2"),
    measured("fan_1", "%", 0.1, 0.05, loop="TIC-1"),
    measured("fan_2", "%", 0.1, 0.05, loop="TIC-2"),
    measured("suction", "bar", 0.001, 0.003, safe=(0.9, 2.2), loop="PIC-3"),
    measured("slide", "%", 0.1, 0.1, loop="PIC-3"),
    measured("power_1", "kW", 0.1, 0.2, loop="PIC-3"),
    measured("power_2", "kW", 0.1, 0.2, loop="PIC-3"),
    measured("power_3", "kW", 0.1, 0.2, loop="PIC-3"),
    measured("discharge", "°C", 0.1, 0.2, loop="PIC-3"),
    measured("condensing", "bar", 0.01, 0.01, safe=(7.0, 16.5), loop="PIC-4"),
    measured("fan_condenser", "%", 0.1, 0.05, loop="PIC-4"),
    measured("wet_bulb", "°C", 0.1, 0.05, offset=-40.0, loop="PIC-4"),
    measured("separator", "%", 0.01, 0.1, safe=(20.0, 80.0), loop="LIC-5"),
    measured("receiver", "%", 0.01, 0.1, loop="LIC-5"),
    measured("valve", "%", 0.1, 0.05, loop="LIC-5"),
    measured("liquid", "kg/s", 0.001, 0.001, loop="LIC-5"),
    setpoint("setpoint_1", "°C", 0.01, -20.0, usual=(-21.5, -19.0), writable=(-35.0, 5.0), loop="TIC-1", offset=-60.0),
    setpoint("setpoint_2", "°C", 0.01, -20.0, usual=(-21.5, -19.0), writable=(-35.0, 5.0), loop="TIC-2", offset=-60.0),
    setpoint("setpoint_suction", "bar", 0.001, 1.35, usual=(1.25, 1.45), writable=(0.4, 4.0), loop="PIC-3"),
    setpoint("setpoint_condensing", "bar", 0.01, 12.5, usual=(11.5, 13.5), writable=(5.0, 25.0), loop="PIC-4"),
    setpoint("setpoint_separator", "%", 0.01, 50.0, usual=(45.0, 55.0), writable=(0.0, 100.0), loop="LIC-5"),
    setpoint("manual_slide", "%", 0.1, 60.0, usual=None, writable=(30.0, 100.0), loop="PIC-3"),
    setpoint("manual_valve", "%", 0.1, 30.0, usual=None, writable=(0.0, 100.0), loop="LIC-5"),
    switch("auto_suction", 1.0, "PIC-3"),
    switch("auto_separator", 1.0, "LIC-5"),
    switch("compressor_1", 1.0, "PIC-3"),
    switch("compressor_2", 1.0, "PIC-3"),
    switch("compressor_3", 1.0, "PIC-3"),
    switch("condenser", 1.0, "PIC-4"),
    switch("defrost_1", 0.0, "TIC-1"),
    switch("defrost_2", 0.0, "TIC-2"),
)

_MAINTENANCE: Final = (
    (Stroke(0, "defrost_1", 1, 1), Stroke(8, "defrost_1", 0, 0)),
    (Stroke(0, "defrost_2", 1, 1), Stroke(8, "defrost_2", 0, 0)),
    by_hand("auto_suction", "manual_slide", (50, 58), (62, 72), back=60, apart=8),
    by_hand("auto_separator", "manual_valve", (24, 28), (32, 36), back=30, apart=8),
    outage("compressor_1", 6),
    outage("compressor_2", 20),
    outage("compressor_3", 20),
)


def saturation(celsius: float) -> float:
    """Return the pressure, bar, at which ammonia boils at this temperature (Antoine; Stull 1947: -34 to 98 °C)."""
    return float(10.0 ** (4.86886 - 1113.928 / (max(celsius, -80.0) + _KELVIN - 10.409)))


def latent(celsius: float) -> float:
    """Return the heat, kJ/kg, that ammonia takes to boil: a straight line through the tables at -30 and 0 °C."""
    return 1360.0 - 3.25 * (celsius + 30.0)


def liquid_heat(celsius: float) -> float:
    """Return the enthalpy of the boiling liquid, kJ/kg over that at 0 °C."""
    return 4.65 * celsius


def _piece(state: State, told: Told, outside: Outside, dt: float) -> State:
    weather = 15.0 + 5.0 * math.sin(2 * math.pi * (outside.day - 0.35)) + 1.2 * outside.wander_1
    wet_bulb = towards(state["wet_bulb"], weather, 300.0, dt)
    busy = 0.5 + 0.5 * math.sin(2 * math.pi * (outside.day - 0.3))
    wet = _open(state["separator"])  # an empty separator feeds no cooler and gives no vapour
    later: State = {"wet_bulb": wet_bulb}
    taken = 0.0
    for number, wander in ((1, outside.wander_1), (2, outside.wander_2)):
        load = 15.0 + 30.0 * busy + 4.0 * wander + _ROOM_WALL * (wet_bulb + 5.0 - state[f"room_{number}"])
        room, heat = _room(state, told, number, load, wet, dt)
        later |= room
        taken += heat
    later |= _machines(state, told, dt)
    return later | _circuit(state, told, later, taken, wet, dt)


def _room(state: State, told: Told, number: int, load: float, wet: float, dt: float) -> tuple[State, float]:
    """Return a room later, and the heat, kW, that its cooler takes to the separator."""
    room, frost, bias = state[f"room_{number}"], state[f"frost_{number}"], state[f"bias_{number}"]
    defrost = told[f"defrost_{number}"]
    wanted = 0.0
    if defrost <= 0:
        error = room - told[f"setpoint_{number}"]
        wanted, bias = regulate(bias, error, gain=0.25, reset=0.002, seconds=dt, low=0.05)
    fan = towards(state[f"fan_{number}"] / 100, wanted, 4.0, dt)
    cooled = _COOLER * (1.0 - _FROST_TAKES * frost) * fan * max(room - state["boiling"], 0.0) * wet
    grown = frost + ((1.0 - frost) * fan / _FROST_S - defrost * frost / _DEFROST_S) * dt
    later = {
        f"room_{number}": room + (load - cooled + 0.3 * _DEFROST_KW * defrost) * dt / _ROOM_KJ,
        f"fan_{number}": fan * 100,
        f"frost_{number}": min(max(grown, 0.0), 1.0),
        f"bias_{number}": bias,
    }
    return later, cooled + 0.7 * _DEFROST_KW * defrost


def _machines(state: State, told: Told, dt: float) -> State:
    """Return slide and steps: how much the machines displace."""
    bias, slide = state["bias_suction"], state["slide"] / 100
    wanted, steps, waited = told["manual_slide"] / 100, state["steps"], 0.0
    if told["auto_suction"] > 0:
        error = state["suction"] - told["setpoint_suction"]
        wanted, bias = regulate(bias, error, gain=3.0, reset=0.03, seconds=dt, low=_LEAST_SLIDE)
        steps, waited = _step(steps, state["waited"], wanted, dt)
    return {
        "slide": towards(slide, max(wanted, _LEAST_SLIDE) * told["compressor_1"], 5.0, dt) * 100,
        "steps": steps,
        "waited": waited,
        "bias_suction": bias,
    }


def _step(steps: float, waited: float, slide: float, dt: float) -> tuple[float, float]:
    """Return how many stepped machines are wanted, and how long the slide has stood at an end (the sign: which)."""
    side = float(slide >= _STEP_UP) - float(slide <= _STEP_DOWN)
    waited = waited + side * dt if waited * side > 0 else side * dt
    if abs(waited) < _STEP_AFTER_S:
        return steps, waited
    return min(max(steps + side, 0.0), 2.0), 0.0


def running(steps: float, told: Told) -> tuple[float, float]:
    """Return which stepped machines run (1 or 0): the first that may, as many as are wanted."""
    second = min(told["compressor_2"], steps)
    return second, min(told["compressor_3"], steps - second)


def swept(boiling: float, ratio: float) -> tuple[float, float]:
    """Return what a displaced m³ carries, kg, at this pressure ratio, and the work, kJ, that each kg takes."""
    kept = max(1.0 - _CLEARANCE * (ratio ** (1.0 / _POLYTROPIC) - 1.0), 0.0)
    carried = kept * saturation(boiling) * 100.0 / (_GAS * (boiling + _KELVIN))
    power = (_POLYTROPIC - 1.0) / _POLYTROPIC
    return carried, _GAS * (boiling + _KELVIN) * (ratio**power - 1.0) / power / _EFFICIENCY


def _circuit(state: State, told: Told, later: State, taken: float, wet: float, dt: float) -> State:
    """Return separator, condenser and receiver: where the ammonia is and how warm."""
    boiling, condensed, level = state["boiling"], state["condensed"], state["separator"]
    suction, condensing = saturation(boiling), saturation(condensed)
    ratio = max(condensing / suction, 1.0)
    carried, work = swept(boiling, ratio)
    carried *= wet
    second, third = running(later["steps"], told)
    sliding = _SLIDING_M3 * later["slide"] / 100
    vapour = carried * (sliding + _STEP_M3 * (second + third))
    valve, bias = _expansion(state, told, dt)
    liquid = _VALVE * valve * math.sqrt(max(condensing - suction, 0.0)) * _open(state["receiver"], 100.0 - level)
    fan, bias_condenser = regulate(
        state["bias_condenser"], condensing - told["setpoint_condensing"], gain=0.12, reset=0.002, seconds=dt, low=0.05
    )
    fan = towards(state["fan_condenser"] / 100, fan * told["condenser"], 5.0, dt)
    absorbed = taken + liquid * (liquid_heat(condensed) - liquid_heat(boiling)) - vapour * latent(boiling)
    brought = latent(boiling) + liquid_heat(boiling) - liquid_heat(condensed) + (1.0 - _OIL_TAKES) * work
    given = _CONDENSER * (0.1 + 0.9 * fan) * (condensed - later["wet_bulb"])
    boiling += absorbed * dt / _SEPARATOR_KJ
    condensed += (vapour * brought - given) * dt / _CONDENSER_KJ
    heated = (1.0 - _OIL_TAKES) * work / _GAS * (_POLYTROPIC - 1.0) / _POLYTROPIC
    return {
        "boiling": boiling,
        "condensed": condensed,
        "suction": saturation(boiling),
        "condensing": saturation(condensed),
        "separator": level + (liquid - vapour) * dt * 100 / SEPARATOR_KG,
        "receiver": state["receiver"] + (vapour - liquid) * dt * 100 / RECEIVER_KG,
        "valve": valve * 100,
        "liquid": liquid,
        "fan_condenser": fan * 100,
        "power_1": carried * sliding * work + 3.0 * (told["compressor_1"] > 0),
        "power_2": (carried * _STEP_M3 * work + 2.0) * second,
        "power_3": (carried * _STEP_M3 * work + 2.0) * third,
        "discharge": towards(state["discharge"], boiling + heated if vapour > 0 else 20.0, 60.0, dt),
        "bias_separator": bias,
        "bias_condenser": bias_condenser,
    }


def _open(*rooms: float) -> float:
    """Return 1, or less where a vessel is within 2 % of being empty or full: its float closes."""
    return min(max(min(rooms) / 2.0, 0.0), 1.0)


def _expansion(state: State, told: Told, dt: float) -> tuple[float, float]:
    """Return the expansion valve's opening, and the integral of the separator's level loop."""
    bias = state["bias_separator"]
    wanted = told["manual_valve"] / 100
    if told["auto_separator"] > 0:
        error = (told["setpoint_separator"] - state["separator"]) / 100
        wanted, bias = regulate(bias, error, gain=2.0, reset=0.01, seconds=dt)
    return towards(state["valve"] / 100, wanted, 5.0, dt), bias


PLANT: Final = Plant(
    name="coldstore",
    title="ammonia refrigeration of a cold store",
    step_s=10.0,
    day_s=14_400.0,
    tags=TAGS,
    start={
        "wet_bulb": 15.0,
        "room_1": -20.0,
        "room_2": -20.0,
        "fan_1": 45.0,
        "fan_2": 45.0,
        "frost_1": 0.2,
        "frost_2": 0.2,
        "bias_1": 0.45,
        "bias_2": 0.45,
        "slide": 65.0,
        "steps": 1.0,
        "waited": 0.0,
        "bias_suction": 0.65,
        "boiling": -27.4,
        "condensed": 32.0,
        "suction": 1.35,
        "condensing": 12.3,
        "separator": 50.0,
        "receiver": 50.0,
        "valve": 28.0,
        "liquid": 0.14,
        "fan_condenser": 50.0,
        "power_1": 40.0,
        "power_2": 35.0,
        "power_3": 0.0,
        "discharge": 80.0,
        "bias_separator": 0.28,
        "bias_condenser": 0.5,
    },
    advance=in_pieces(_piece, _PIECE_S),
    maintenance=_MAINTENANCE,
)
