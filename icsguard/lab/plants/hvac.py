"""Heating, ventilation and air conditioning: two zones, one air handler, weather, and people by day.

Air mixing and heat balances: supply air is heated or cooled by a coil, each zone takes its share of the air and has a
reheater, people bring heat and CO2, walls leak towards the weather. °C, %, ppm.
"""

from __future__ import annotations

import math
from typing import Final

from icsguard.lab.plants.api import Outside, Plant, State, Stroke, Told, measured, setpoint, switch
from icsguard.lab.plants.parts import in_pieces, outage, regulate, towards

_FRESH_PPM: Final = 420.0
_PIECE_S: Final = 5.0

TAGS: Final = (
    measured("zone_1", "°C", 0.01, 0.02, safe=(16.0, 27.0), loop="TIC-1"),
    measured("zone_2", "°C", 0.01, 0.02, safe=(16.0, 27.0), loop="TIC-2"),
    measured("supply", "°C", 0.01, 0.03, loop="TIC-3"),
    measured("outdoor", "°C", 0.1, 0.05, offset=-40.0),
    measured("co2", "ppm", 1.0, 3.0, safe=(None, 1300.0), loop="AIC-1"),
    measured("fan", "%", 0.1, 0.05, loop="AIC-1"),
    measured("heat_1", "%", 0.1, 0.05, loop="TIC-1"),
    measured("heat_2", "%", 0.1, 0.05, loop="TIC-2"),
    measured("coil", "%", 0.1, 0.05, loop="TIC-3"),
    setpoint("setpoint_1", "°C", 0.01, 21.0, usual=(20.0, 23.0), writable=(10.0, 35.0), loop="TIC-1"),
    setpoint("setpoint_2", "°C", 0.01, 21.0, usual=(20.0, 23.0), writable=(10.0, 35.0), loop="TIC-2"),
    setpoint("setpoint_supply", "°C", 0.01, 17.0, usual=(16.0, 18.0), writable=(8.0, 40.0), loop="TIC-3"),
    setpoint("fan_command", "%", 0.1, 60.0, usual=(55.0, 70.0), writable=(0.0, 100.0), loop="AIC-1"),
    setpoint("manual_heat_1", "%", 0.1, 30.0, usual=None, writable=(0.0, 100.0), loop="TIC-1"),
    setpoint("manual_heat_2", "%", 0.1, 30.0, usual=None, writable=(0.0, 100.0), loop="TIC-2"),
    switch("auto_1", 1.0, "TIC-1"),
    switch("auto_2", 1.0, "TIC-2"),
    switch("fan_on", 1.0, "AIC-1"),
)

_MAINTENANCE: Final = (
    (
        Stroke(0, "auto_1", 0, 0),
        Stroke(1, "manual_heat_1", 10, 20),
        Stroke(12, "manual_heat_1", 45, 60),
        Stroke(10, "manual_heat_1", 30, 30),
        Stroke(1, "auto_1", 1, 1),
    ),
    (
        Stroke(0, "auto_2", 0, 0),
        Stroke(1, "manual_heat_2", 10, 20),
        Stroke(12, "manual_heat_2", 45, 60),
        Stroke(10, "manual_heat_2", 30, 30),
        Stroke(1, "auto_2", 1, 1),
    ),
    outage("fan_on", 8),
)


def people(day: float) -> float:
    """Return how full the building is, 0 to 1: from eight to eighteen, with soft edges."""
    return 0.5 * (math.tanh((day - 0.33) * 25) - math.tanh((day - 0.75) * 25))


def _piece(state: State, told: Told, outside: Outside, dt: float) -> State:
    heat_1, bias_1 = _heater(state, told, 1, dt)
    heat_2, bias_2 = _heater(state, told, 2, dt)
    fan = towards(state["fan"] / 100, told["fan_command"] / 100 * told["fan_on"], 15.0, dt)
    weather = 12.0 + 7.0 * math.sin(2 * math.pi * (outside.day - 0.3)) + 1.0 * outside.wander_1
    outdoor = towards(state["outdoor"], weather, 300.0, dt)
    # The coil makes 0 to 30 K out of mixed air; below 50 % it cools.
    coil, bias = regulate(state["bias"], told["setpoint_supply"] - state["supply"], gain=0.03, reset=0.0008, seconds=dt)
    mixed = 0.3 * outdoor + 0.7 * 0.5 * (state["zone_1"] + state["zone_2"])
    supply = towards(state["supply"], mixed + 30.0 * (coil - 0.5), 60.0, dt)
    full = people(outside.day) * (1.0 + 0.1 * outside.wander_2)
    return {
        "zone_1": _zone(state["zone_1"], supply, outdoor, fan, heat_1, 1.2 * full, dt),
        "zone_2": _zone(state["zone_2"], supply, outdoor, 0.8 * fan, heat_2, 0.8 * full, dt),
        "supply": supply,
        "outdoor": outdoor,
        "co2": max(state["co2"] + (1.35 * full - fan * (state["co2"] - _FRESH_PPM) / 260.0) * dt, _FRESH_PPM),
        "fan": fan * 100,
        "heat_1": heat_1 * 100,
        "heat_2": heat_2 * 100,
        "coil": coil * 100,
        "bias": bias,
        "bias_1": bias_1,
        "bias_2": bias_2,
    }


def _heater(state: State, told: Told, number: int, dt: float) -> tuple[float, float]:
    """Return the reheater's position (a drive that needs 20 s) and the loop's integral."""
    bias = state[f"bias_{number}"]
    if told[f"auto_{number}"] > 0:
        error = told[f"setpoint_{number}"] - state[f"zone_{number}"]
        wanted, bias = regulate(bias, error, gain=0.25, reset=0.0008, seconds=dt)
    else:
        wanted = told[f"manual_heat_{number}"] / 100
    return towards(state[f"heat_{number}"] / 100, wanted, 20.0, dt), bias


def _zone(now: float, supply: float, outdoor: float, air: float, heat: float, load: float, dt: float) -> float:
    gained = (outdoor - now) / 2500.0 + air * (supply - now) / 450.0 + heat * 0.030 + load * 0.0015
    return now + gained * dt


PLANT: Final = Plant(
    name="hvac",
    title="heating, ventilation and air conditioning",
    step_s=10.0,
    day_s=14_400.0,
    tags=TAGS,
    start={
        "zone_1": 21.0,
        "zone_2": 21.0,
        "supply": 17.0,
        "outdoor": 10.0,
        "co2": 450.0,
        "fan": 60.0,
        "heat_1": 30.0,
        "heat_2": 30.0,
        "coil": 50.0,
        "bias": 0.5,
        "bias_1": 0.3,
        "bias_2": 0.3,
    },
    advance=in_pieces(_piece, _PIECE_S),
    maintenance=_MAINTENANCE,
)
