"""A gas pipeline: a well, a compressor with recycle valve, a long line, a customer whose demand follows the day.

```
 well ──▶ [suction] ──compressor──▶ [discharge] ──long line──▶ [delivery] ──valve──▶ customer
              ▲───────recycle valve──────┘
```

Three volumes whose pressures integrate mass flows, a compressor map (flow falls with the pressure ratio, rises with
speed), turbulent flow in the line (root of the difference of squared pressures), compression heat. Bar, kg/s, °C.
"""

from __future__ import annotations

import math
from typing import Final

from icsguard.lab.plants.api import Outside, Plant, State, Stroke, Told, measured, setpoint, switch
from icsguard.lab.plants.parts import by_hand, in_pieces, outage, regulate, towards

_WELL_BAR: Final = 46.0
_WELL: Final = 4.4
_LINE: Final = 3.0
_MAP: Final = 200.0
_HEAD: Final = 1.6
_RECYCLE: Final = 12.0
_DEMAND: Final = 100.0
_SUCTION_KG: Final = 700.0  # kg per bar
_DISCHARGE_KG: Final = 450.0
_DELIVERY_KG: Final = 900.0
_PIECE_S: Final = 1.0

TAGS: Final = (
    measured("suction", "bar", 0.01, 0.02, safe=(30.0, None), loop="PIC-1"),
    measured("discharge", "bar", 0.01, 0.03, safe=(48.0, 70.0), loop="PIC-1"),
    measured("delivery", "bar", 0.01, 0.02, safe=(40.0, 60.0)),
    measured("flow_compressor", "kg/s", 0.1, 0.3, loop="PIC-1"),
    measured("flow_line", "kg/s", 0.1, 0.3),
    measured("flow_customer", "kg/s", 0.1, 0.3),
    measured("speed", "%", 0.1, 0.05, loop="PIC-1"),
    measured("temperature", "°C", 0.1, 0.08, loop="PIC-1"),
    measured("recycle", "%", 0.1, 0.05, loop="PIC-1"),
    setpoint("setpoint_discharge", "bar", 0.01, 60.0, usual=(57.0, 63.0), writable=(40.0, 80.0), loop="PIC-1"),
    setpoint("manual_speed", "%", 0.1, 75.0, usual=None, writable=(0.0, 100.0), loop="PIC-1"),
    setpoint("recycle_command", "%", 0.1, 0.0, usual=(0.0, 10.0), writable=(0.0, 100.0), loop="PIC-1"),
    setpoint("customer_valve", "%", 0.1, 100.0, usual=(92.0, 100.0), writable=(0.0, 100.0)),
    switch("auto", 1.0, "PIC-1"),
    switch("compressor", 1.0, "PIC-1"),
)

_MAINTENANCE: Final = (
    by_hand("auto", "manual_speed", (70, 73), (77, 80), back=75, apart=10, after=2),
    outage("compressor", 4),
    (Stroke(0, "recycle_command", 15, 25), Stroke(15, "recycle_command", 0, 0)),
)


def demand(outside: Outside) -> float:
    """Return the customer's draw with a fully open valve, kg/s."""
    morning = math.sin(2 * math.pi * outside.day)
    return _DEMAND * (1.0 + 0.10 * morning + 0.03 * outside.wander_1)


def _piece(state: State, told: Told, outside: Outside, dt: float) -> State:
    suction, discharge, delivery = state["suction"], state["discharge"], state["delivery"]
    auto = told["auto"] > 0
    wanted, bias = regulate(
        state["bias"],
        told["setpoint_discharge"] - discharge,
        gain=0.02,
        reset=0.0006,
        seconds=dt,
        low=0.3,
    )
    wanted = wanted if auto else told["manual_speed"] / 100
    speed = towards(state["speed"] / 100, wanted * told["compressor"], 6.0, dt)
    opening = towards(state["recycle"] / 100, told["recycle_command"] / 100, 5.0, dt)
    ratio = discharge / max(suction, 1.0)
    room = 1.0 - (ratio - 1.0) / (_HEAD * max(speed, 0.05) ** 2)
    flow = _MAP * speed * math.sqrt(room) if room > 0 else 0.0  # a check valve: it never runs back
    back = _RECYCLE * opening * math.sqrt(max(discharge - suction, 0.0))
    well = _WELL * math.sqrt(max(_WELL_BAR**2 - suction**2, 0.0)) * (1.0 + 0.01 * outside.wander_2)
    line = _LINE * math.sqrt(max(discharge**2 - delivery**2, 0.0))
    drawn = demand(outside) * told["customer_valve"] / 100 * min(delivery / 35.0, 1.0)
    hot = 15.0 + 45.0 * (ratio - 1.0) + 30.0 * opening
    return {
        "suction": max(suction + (well - flow + back) * dt / _SUCTION_KG, 1.0),
        "discharge": max(discharge + (flow - back - line) * dt / _DISCHARGE_KG, 1.0),
        "delivery": max(delivery + (line - drawn) * dt / _DELIVERY_KG, 1.0),
        "flow_compressor": flow,
        "flow_line": line,
        "flow_customer": drawn,
        "speed": speed * 100,
        "temperature": towards(state["temperature"], hot, 60.0, dt),
        "recycle": opening * 100,
        "bias": bias if auto else state["bias"],
    }


PLANT: Final = Plant(
    name="pipeline",
    title="gas pipeline with compressor",
    step_s=5.0,
    day_s=3600.0,
    tags=TAGS,
    start={
        "suction": 40.0,
        "discharge": 60.0,
        "delivery": 50.0,
        "flow_compressor": 100.0,
        "flow_line": 100.0,
        "flow_customer": 100.0,
        "speed": 75.0,
        "temperature": 37.0,
        "recycle": 0.0,
        "bias": 0.75,
    },
    advance=in_pieces(_piece, _PIECE_S),
    maintenance=_MAINTENANCE,
)
