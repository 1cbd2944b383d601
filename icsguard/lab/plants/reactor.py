"""A batch reactor: charged, heated, dosed while it reacts and heats itself, cooled, drained, again and again.

Arrhenius kinetics, an exothermic reaction, a jacket that heats and cools, an agitator without which the jacket hardly
reaches the contents. The SCADA runs the recipe by writing coils, so every phase is a mode of its own. m³, °C, bar.
"""

from __future__ import annotations

import math
from typing import Final

from icsguard.lab.plants.api import Outside, Plant, State, Stroke, Told, measured, setpoint, switch
from icsguard.lab.plants.parts import in_pieces, outage, regulate, towards

_PIECE_S: Final = 2.5
_COLD: Final = 15.0
_STEAM: Final = 130.0
_LEAST_M3: Final = 0.3

TAGS: Final = (
    measured("temperature", "°C", 0.01, 0.03, safe=(None, 92.0), loop="TIC-1"),
    measured("jacket", "°C", 0.01, 0.05, loop="TIC-1"),
    measured("volume", "m³", 0.001, 0.001, safe=(None, 4.2), loop="LI-1"),
    measured("pressure", "bar", 0.001, 0.003, safe=(None, 3.5)),
    measured("flow_in", "l/s", 0.01, 0.02, loop="LI-1"),
    measured("flow_dose", "l/s", 0.001, 0.004),
    measured("flow_out", "l/s", 0.01, 0.02, loop="LI-1"),
    measured("valve", "%", 0.1, 0.05, loop="TIC-1"),
    measured("torque", "Nm", 0.1, 0.3),
    setpoint("setpoint_temperature", "°C", 0.01, 65.0, usual=None, writable=(10.0, 120.0), loop="TIC-1"),
    setpoint("manual_valve", "%", 0.1, 50.0, usual=None, writable=(0.0, 100.0), loop="TIC-1"),
    setpoint("dose_rate", "l/s", 0.001, 1.0, usual=(0.8, 1.2), writable=(0.0, 5.0)),
    switch("auto", 1.0, "TIC-1"),
    switch("charge", 0.0, "LI-1"),
    switch("dose", 0.0),
    switch("drain", 0.0, "LI-1"),
    switch("agitator", 1.0),
)

RECIPE: Final = (
    Stroke(0, "setpoint_temperature", 25, 25),
    Stroke(1, "charge", 1, 1),
    Stroke(40, "charge", 0, 0),
    Stroke(1, "setpoint_temperature", 62, 68),
    Stroke(60, "dose", 1, 1),
    Stroke(100, "dose", 0, 0),
    Stroke(60, "setpoint_temperature", 25, 25),
    Stroke(50, "drain", 1, 1),
    Stroke(44, "drain", 0, 0),
)
"""One batch, about half an hour of polls."""

_MAINTENANCE: Final = (
    outage("agitator", 3),
    (
        Stroke(0, "manual_valve", 40, 60),
        Stroke(1, "auto", 0, 0),
        Stroke(8, "manual_valve", 40, 60),
        Stroke(4, "auto", 1, 1),
    ),
)


def _piece(state: State, told: Told, outside: Outside, dt: float) -> State:
    temperature, jacket, volume = state["temperature"], state["jacket"], state["volume"]
    auto = told["auto"] > 0
    wanted, bias = regulate(
        state["bias"], told["setpoint_temperature"] - temperature, gain=0.04, reset=0.0002, seconds=dt
    )
    valve = towards(state["valve"] / 100, wanted if auto else told["manual_valve"] / 100, 5.0, dt)
    flow_in = 10.0 * told["charge"] * (1.0 + 0.01 * outside.wander_1)
    flow_dose = towards(state["flow_dose"], told["dose_rate"] * told["dose"], 5.0, dt)
    flow_out = 10.0 * told["drain"] * math.sqrt(volume / 2.0) if volume > _LEAST_M3 else 0.0
    grown = max(volume + (flow_in + flow_dose - flow_out) * dt / 1000.0, _LEAST_M3)
    reactant = state["reactant"] * (1.0 - flow_out * dt / 1000.0 / volume) + flow_dose * dt / 1000.0
    rate = 0.006 * math.exp(7000.0 * (1 / 338.15 - 1 / (temperature + 273.15)))
    used = reactant * (1.0 - math.exp(-rate * dt))
    stirred = 0.2 + 0.8 * state["stirring"]
    exchange = 0.010 * stirred * (jacket - temperature) / math.sqrt(max(grown, 0.5) / 2.0)
    inflow = (flow_in * (_COLD - temperature) + flow_dose * (_COLD - temperature)) / 1000.0 / grown
    warmed = temperature + (exchange + inflow) * dt + 95.0 * used / grown
    stirring = towards(state["stirring"], told["agitator"], 4.0, dt)
    return {
        "temperature": min(warmed, 200.0),
        "jacket": towards(jacket, _COLD + valve * (_STEAM - _COLD) + 0.8 * outside.wander_2, 25.0, dt),
        "volume": grown,
        "pressure": 1.0 + 0.35 * math.exp((temperature - 65.0) / 14.0) + 0.2 * max(grown - 3.0, 0.0),
        "flow_in": flow_in,
        "flow_dose": flow_dose,
        "flow_out": flow_out,
        "valve": valve * 100,
        "torque": stirring * (20.0 + 25.0 * grown),
        "bias": bias if auto else state["bias"],
        "reactant": max(reactant - used, 0.0),
        "stirring": stirring,
    }


PLANT: Final = Plant(
    name="reactor",
    title="batch reactor",
    step_s=5.0,
    day_s=14_400.0,
    tags=TAGS,
    start={
        "temperature": 20.0,
        "jacket": 20.0,
        "volume": _LEAST_M3,
        "pressure": 1.0,
        "flow_in": 0.0,
        "flow_dose": 0.0,
        "flow_out": 0.0,
        "valve": 50.0,
        "torque": 27.0,
        "bias": 0.1,
        "reactant": 0.0,
        "stirring": 1.0,
    },
    advance=in_pieces(_piece, _PIECE_S),
    maintenance=_MAINTENANCE,
    recipe=RECIPE,
)
