"""The two-tank water cell of the demo, here in its own time: two level loops, a valve, a dose, a town that drinks.

The physics is `icsguard.lab.water`; the controller is the plain pair of PI loops that the demo's PLC also runs.
"""

from __future__ import annotations

from typing import Final

from icsguard.lab.plants.api import Outside, Plant, State, Told, measured, setpoint, switch
from icsguard.lab.plants.parts import by_hand, outage, regulate
from icsguard.lab.water import DAY_S, Commands, Water, step

_LITRES: Final = 1000.0

TAGS: Final = (
    measured("level_1", "m", 0.001, 0.0015, safe=(1.2, 3.0), loop="LIC-1"),
    measured("level_2", "m", 0.001, 0.0015, safe=(1.2, 3.0), loop="LIC-2"),
    measured("flow_in", "l/s", 0.1, 0.12, loop="LIC-1"),
    measured("flow_transfer", "l/s", 0.1, 0.12, loop="LIC-2"),
    measured("flow_town", "l/s", 0.1, 0.12),
    measured("speed_1", "%", 0.1, 0.04, loop="LIC-1"),
    measured("speed_2", "%", 0.1, 0.04, loop="LIC-2"),
    measured("valve", "%", 0.1, 0.04, loop="LIC-2"),
    measured("chlorine", "mg/l", 0.01, 0.004, safe=(0.2, 3.0), loop="AIC-1"),
    setpoint("setpoint_1", "m", 0.001, 2.0, usual=(1.8, 2.4), writable=(0.5, 3.8), loop="LIC-1"),
    setpoint("setpoint_2", "m", 0.001, 2.0, usual=(1.8, 2.4), writable=(0.5, 3.8), loop="LIC-2"),
    setpoint("manual_speed_1", "%", 0.1, 49.0, usual=None, writable=(0.0, 98.0), loop="LIC-1"),
    setpoint("manual_speed_2", "%", 0.1, 58.0, usual=None, writable=(0.0, 98.0), loop="LIC-2"),
    setpoint("valve_command", "%", 0.1, 100.0, usual=(70.0, 100.0), writable=(0.0, 100.0), loop="LIC-2"),
    setpoint("dose", "mg/l", 0.01, 0.8, usual=(0.7, 1.1), writable=(0.0, 5.0), loop="AIC-1"),
    switch("auto_1", 1.0, "LIC-1"),
    switch("auto_2", 1.0, "LIC-2"),
    switch("pump_1", 1.0, "LIC-1"),
    switch("pump_2", 1.0, "LIC-2"),
)

_MAINTENANCE: Final = (
    by_hand("auto_1", "manual_speed_1", (44, 47), (52, 58), back=49, after=2),
    by_hand("auto_2", "manual_speed_2", (61, 66), (52, 56), back=58, after=2),
    outage("pump_1", 8),
    outage("pump_2", 8),
)


def advance(state: State, told: Told, outside: Outside, seconds: float) -> State:
    """Return the cell later; the wandering disturbance is worth up to a few litres more or less for the town."""
    speed_1, bias_1 = regulate(
        state["bias_1"], told["setpoint_1"] - state["level_1"], gain=0.5, reset=0.004, seconds=seconds, high=0.98
    )
    speed_2, bias_2 = regulate(
        state["bias_2"], told["setpoint_2"] - state["level_2"], gain=0.6, reset=0.005, seconds=seconds, high=0.98
    )
    auto_1, auto_2 = told["auto_1"] > 0, told["auto_2"] > 0
    speed_1 = speed_1 if auto_1 else told["manual_speed_1"] / 100
    speed_2 = speed_2 if auto_2 else told["manual_speed_2"] / 100
    commands = Commands(
        speed_1=speed_1 * told["pump_1"],
        speed_2=speed_2 * told["pump_2"],
        valve=told["valve_command"] / 100,
        dose_mg_l=told["dose"],
    )
    cell = step(_cell(state, outside), commands, seconds)
    return {
        "level_1": cell.level_1_m,
        "level_2": cell.level_2_m,
        "flow_in": cell.flow_in * _LITRES,
        "flow_transfer": cell.flow_transfer * _LITRES,
        "flow_town": cell.flow_town * _LITRES,
        "speed_1": cell.speed_1 * 100,
        "speed_2": cell.speed_2 * 100,
        "valve": cell.valve * 100,
        "chlorine": cell.chlorine_mg_l,
        "bias_1": bias_1 if auto_1 else state["bias_1"],
        "bias_2": bias_2 if auto_2 else state["bias_2"],
    }


def _cell(state: State, outside: Outside) -> Water:
    return Water(
        time_s=outside.day * DAY_S + 12.0 * outside.wander_1,
        level_1_m=state["level_1"],
        level_2_m=state["level_2"],
        speed_1=state["speed_1"] / 100,
        speed_2=state["speed_2"] / 100,
        valve=state["valve"] / 100,
        chlorine_mg_l=state["chlorine"],
    )


PLANT: Final = Plant(
    name="water",
    title="two-tank water cell",
    step_s=2.0,
    day_s=DAY_S,
    tags=TAGS,
    start={
        "level_1": 2.0,
        "level_2": 2.0,
        "flow_in": 45.0,
        "flow_transfer": 45.0,
        "flow_town": 45.0,
        "speed_1": 49.2,
        "speed_2": 58.0,
        "valve": 100.0,
        "chlorine": 0.78,
        "bias_1": 0.49,
        "bias_2": 0.58,
    },
    advance=advance,
    maintenance=_MAINTENANCE,
)
