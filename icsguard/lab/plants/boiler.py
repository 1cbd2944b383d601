"""A steam boiler: burner, drum, feed water, and a header from which a factory draws steam.

Energy balance gives the drum pressure, mass balance its level; a rising draw swells the level before it falls (bubbles
under falling pressure). Two loops: pressure by fuel, level by feed water with the steam flow fed forward. Bar, %, t/h.
"""

from __future__ import annotations

import math
from typing import Final

from icsguard.lab.plants.api import Outside, Plant, State, Told, measured, setpoint, switch
from icsguard.lab.plants.parts import by_hand, in_pieces, outage, regulate, towards

_PIECE_S: Final = 1.0
_FULL_STEAM: Final = 40.0  # t/h at full fire
_FULL_FEED: Final = 60.0
_WATER: Final = 130.0  # t/h * s that move the level by one percent

TAGS: Final = (
    measured("pressure", "bar", 0.01, 0.01, safe=(7.0, 13.0), loop="PIC-1"),
    measured("level", "%", 0.01, 0.05, safe=(25.0, 75.0), loop="LIC-1"),
    measured("steam", "t/h", 0.01, 0.05),
    measured("feed", "t/h", 0.01, 0.05, loop="LIC-1"),
    measured("fuel", "%", 0.1, 0.05, loop="PIC-1"),
    measured("flue", "°C", 0.1, 0.3, loop="PIC-1"),
    measured("oxygen", "%", 0.01, 0.02, loop="PIC-1"),
    measured("feed_valve", "%", 0.1, 0.05, loop="LIC-1"),
    setpoint("setpoint_pressure", "bar", 0.01, 10.0, usual=(9.4, 10.6), writable=(4.0, 16.0), loop="PIC-1"),
    setpoint("setpoint_level", "%", 0.01, 50.0, usual=(45.0, 55.0), writable=(10.0, 90.0), loop="LIC-1"),
    setpoint("manual_fuel", "%", 0.1, 50.0, usual=None, writable=(0.0, 100.0), loop="PIC-1"),
    setpoint("manual_feed", "%", 0.1, 35.0, usual=None, writable=(0.0, 100.0), loop="LIC-1"),
    setpoint("header_valve", "%", 0.1, 80.0, usual=(70.0, 90.0), writable=(0.0, 100.0)),
    switch("auto_pressure", 1.0, "PIC-1"),
    switch("auto_level", 1.0, "LIC-1"),
    switch("burner", 1.0, "PIC-1"),
    switch("feed_pump", 1.0, "LIC-1"),
)

_MAINTENANCE: Final = (
    by_hand("auto_pressure", "manual_fuel", (40, 46), (56, 62), back=50),
    by_hand("auto_level", "manual_feed", (26, 30), (38, 44), back=35, apart=10),
    outage("burner", 8),
    outage("feed_pump", 6),
)


def _piece(state: State, told: Told, outside: Outside, dt: float) -> State:
    pressure, level = state["pressure"], state["level"]
    auto_pressure, auto_level = told["auto_pressure"] > 0, told["auto_level"] > 0
    fire, bias_p = regulate(
        state["bias_p"], told["setpoint_pressure"] - pressure, gain=0.25, reset=0.003, seconds=dt, low=0.05
    )
    draw = 0.55 + 0.12 * math.sin(2 * math.pi * outside.day) + 0.03 * outside.wander_1
    steam = _FULL_STEAM * told["header_valve"] / 80 * draw * math.sqrt(max(pressure, 0.0) / 10.0)
    valve, bias_l = regulate(
        state["bias_l"],
        (told["setpoint_level"] - level) / 100,
        gain=1.5,
        reset=0.01,
        seconds=dt,
        low=-0.4,
        high=0.4,
    )
    valve = min(max(valve + steam / _FULL_FEED, 0.0), 1.0)
    fire = fire if auto_pressure else told["manual_fuel"] / 100
    valve = valve if auto_level else told["manual_feed"] / 100
    fuel = towards(state["fuel"] / 100, fire * told["burner"], 8.0, dt)
    opening = towards(state["feed_valve"] / 100, valve, 4.0, dt)
    feed = _FULL_FEED * opening * told["feed_pump"] * (1.0 + 0.01 * outside.wander_2)
    heat = _FULL_STEAM * fuel * 1.12 - steam - 0.05 * feed
    rise = heat / 1100.0
    return {
        "pressure": min(max(pressure + rise * dt, 0.5), 25.0),
        "level": min(max(level + ((feed - steam) / _WATER - 2.0 * rise) * dt, 0.0), 100.0),
        "steam": steam,
        "feed": feed,
        "fuel": fuel * 100,
        "flue": towards(state["flue"], 120.0 + 160.0 * fuel, 40.0, dt),
        "oxygen": towards(state["oxygen"], 9.0 - 5.5 * fuel if fuel > 0.02 else 20.9, 10.0, dt),  # noqa: PLR2004 - flame out
        "feed_valve": opening * 100,
        "bias_p": bias_p if auto_pressure else state["bias_p"],
        "bias_l": bias_l if auto_level else state["bias_l"],
    }


PLANT: Final = Plant(
    name="boiler",
    title="steam boiler",
    step_s=5.0,
    day_s=1800.0,
    tags=TAGS,
    start={
        "pressure": 10.0,
        "level": 50.0,
        "steam": 22.0,
        "feed": 22.0,
        "fuel": 50.0,
        "flue": 200.0,
        "oxygen": 6.2,
        "feed_valve": 36.0,
        "bias_p": 0.5,
        "bias_l": 0.0,
    },
    advance=in_pieces(_piece, _PIECE_S),
    maintenance=_MAINTENANCE,
)
