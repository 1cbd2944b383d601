"""District heating: a boiler charges a stratified storage, a mixing valve and a pump supply a network of houses.

```
 boiler ──▶ [storage, five layers] ──▶ three-way valve ──pump──▶ long pipe ──▶ houses
   ▲──charge pump──────┘                    ▲───────────────────── long pipe ◀───┘
```

Heat is balanced cell by cell: water moves on between well-mixed cells (upwind), so the pipes have the dead time of
their content and the storage has its thermocline. The pump follows the affinity laws, pipes and valves Darcy and
Weisbach (drop with the square of the flow), the houses' exchangers the effectiveness-NTU method. A gas vessel (Boyle
and Mariotte) holds the pressure against the water's expansion (density after Thiesen, Scheel and Diesselhorst 1900).
Limits: 60 °C at the last house keeps legionellae down (DVGW W 551), at 105 °C the systems of EN 12828 end.
kg/s, kW, °C, bar over atmosphere.
"""

from __future__ import annotations

import math
from typing import Final

from icsguard.lab.plants.api import Outside, Plant, State, Told, measured, setpoint, switch
from icsguard.lab.plants.parts import by_hand, follow, in_pieces, outage, regulate, towards

_PIECE_S: Final = 5.0
HEAT: Final = 4.19
"""kJ/kg/K."""
BOILER_KG: Final = 1500.0
LAYER_KG: Final = 2000.0
CELL_KG: Final = 500.0
LAYERS: Final = ("top", "layer_2", "middle", "layer_4", "bottom")
OUT: Final = ("out_1", "out_2", "out_3", "out_4", "far")
BACK: Final = ("back_1", "back_2", "back_3", "back_4", "back")
_FULL_FIRE: Final = 2000.0  # kW
_FULL_CHARGE: Final = 18.0  # kg/s
_HEAD: Final = 6.0  # bar at full speed without flow
_PUMP_DROP: Final = 0.0225  # bar s²/kg²
_PIPE_DROP: Final = 0.0156
_HOUSE_VALVE: Final = 13.5  # kg/s at one bar, fully open
_HOUSE_UA: Final = 40.0  # kW/K of all exchangers
_HOUSE_COLD: Final = 35.0  # °C on the houses' side
_GROUND: Final = 8.0
_PIPE_LOSS: Final = 0.04  # kW/K, a cell
_LAYER_LOSS: Final = 0.01  # kW/K
_VESSEL_M3: Final = 1.2
_VESSEL_BAR: Final = 3.0  # absolute, of its gas when it holds no water
_FILLED_AT: Final = 65.0  # °C
_LEAK: Final = 0.004  # kg/s
_FULL_MAKEUP: Final = 0.5  # kg/s
_DEAD_BAND: Final = 0.3  # bar to both sides of the set-point

TAGS: Final = (
    measured("outdoor", "°C", 0.1, 0.05, offset=-40.0),
    measured("boiler", "°C", 0.01, 0.05, safe=(None, 105.0), loop="TIC-1"),
    measured("firing", "%", 0.1, 0.05, loop="TIC-1"),
    measured("charge", "kg/s", 0.01, 0.03, loop="TIC-2"),
    measured("top", "°C", 0.01, 0.05, loop="TIC-2"),
    measured("middle", "°C", 0.01, 0.05, loop="TIC-2"),
    measured("bottom", "°C", 0.01, 0.05, loop="TIC-2"),
    measured("valve", "%", 0.1, 0.05, loop="TIC-3"),
    measured("supply", "°C", 0.01, 0.04, safe=(None, 98.0), loop="TIC-3"),
    measured("far", "°C", 0.01, 0.04, safe=(60.0, None)),
    measured("back", "°C", 0.01, 0.04),
    measured("flow", "kg/s", 0.01, 0.02, loop="DPIC-4"),
    measured("heat", "kW", 1.0, 3.0),
    measured("difference", "bar", 0.001, 0.004, safe=(0.5, 3.2), loop="DPIC-4"),
    measured("speed", "%", 0.1, 0.05, loop="DPIC-4"),
    measured("pressure", "bar", 0.01, 0.01, safe=(2.2, 4.5), loop="PIC-5"),
    measured("makeup", "kg/s", 0.001, 0.001, offset=-1.0, loop="PIC-5"),
    setpoint("setpoint_boiler", "°C", 0.01, 90.0, usual=(87.0, 93.0), writable=(50.0, 130.0), loop="TIC-1"),
    setpoint("setpoint_storage", "°C", 0.01, 72.0, usual=(67.0, 77.0), writable=(30.0, 100.0), loop="TIC-2"),
    setpoint("setpoint_supply", "°C", 0.01, 77.0, usual=(75.0, 80.0), writable=(35.0, 110.0), loop="TIC-3"),
    setpoint("setpoint_difference", "bar", 0.001, 1.4, usual=(1.2, 1.6), writable=(0.0, 4.5), loop="DPIC-4"),
    setpoint("setpoint_pressure", "bar", 0.01, 3.1, usual=(3.0, 3.3), writable=(0.5, 8.0), loop="PIC-5"),
    setpoint("manual_firing", "%", 0.1, 40.0, usual=None, writable=(0.0, 100.0), loop="TIC-1"),
    setpoint("manual_valve", "%", 0.1, 70.0, usual=None, writable=(0.0, 100.0), loop="TIC-3"),
    setpoint("manual_speed", "%", 0.1, 70.0, usual=None, writable=(0.0, 100.0), loop="DPIC-4"),
    switch("auto_boiler", 1.0, "TIC-1"),
    switch("auto_valve", 1.0, "TIC-3"),
    switch("auto_pump", 1.0, "DPIC-4"),
    switch("burner", 1.0, "TIC-1"),
    switch("charge_pump", 1.0, "TIC-2"),
    switch("network_pump", 1.0, "DPIC-4"),
    switch("makeup_pump", 1.0, "PIC-5"),
)

_MAINTENANCE: Final = (
    by_hand("auto_boiler", "manual_firing", (34, 38), (42, 46), back=40, apart=8),
    by_hand("auto_valve", "manual_valve", (66, 69), (72, 76), back=70, apart=8),
    by_hand("auto_pump", "manual_speed", (66, 68), (72, 74), back=70),
    outage("burner", 6),
    outage("charge_pump", 5),
    outage("makeup_pump", 30),
)


def demand(outside: Outside, outdoor: float) -> float:
    """Return what the houses want, kW: warm rooms by the weather, warm water in the morning and in the evening."""
    taps = sum(math.exp(-(((outside.day - hour) / 0.06) ** 2)) for hour in (0.3, 0.8))
    return max(43.0 * max(18.0 - outdoor, 0.0) + (180.0 + 15.0 * outside.wander_2) * taps, 0.0) + 60.0


def density(celsius: float) -> float:
    """Return the density of water, kg/m³ (Thiesen, Scheel and Diesselhorst)."""
    expanded = (celsius + 288.9414) / (508_929.2 * (celsius + 68.12963)) * (celsius - 3.9863) ** 2
    return 1000.0 * (1.0 - expanded)


def network_flow(speed: float, opening: float) -> float:
    """Return the network's flow, kg/s: where the pump's head meets the drop in pump, pipes and houses."""
    houses = 1.0 / (_HOUSE_VALVE * max(opening, 0.02)) ** 2
    return speed * math.sqrt(_HEAD / (_PUMP_DROP + _PIPE_DROP + houses))


def _piece(state: State, told: Told, outside: Outside, dt: float) -> State:
    weather = 4.0 + 4.5 * math.sin(2 * math.pi * (outside.day - 0.4)) + 1.2 * outside.wander_1
    outdoor = towards(state["outdoor"], weather, 300.0, dt)
    later = _houses(state, told, demand(outside, state["felt"]), dt)
    flow = later["flow"]
    later |= _source(state, told, flow, dt)
    later |= _network(state, told, flow, later["charge"], dt)
    later |= _pressure(state, told, outside, dt)
    return later | {"outdoor": outdoor, "felt": towards(state["felt"], outdoor, 600.0, dt)}


def _houses(state: State, told: Told, wanted: float, dt: float) -> State:
    """Return the network pump, and the houses: their valves open until they have the heat that they want."""
    bias = state["bias_pump"]
    drive = told["manual_speed"] / 100
    if told["auto_pump"] > 0:
        error = told["setpoint_difference"] - state["difference"]
        drive, bias = regulate(bias, error, gain=0.08, reset=0.004, seconds=dt)
    speed = towards(state["speed"] / 100, drive * told["network_pump"], 4.0, dt)
    opening = state["opening"]
    flow = network_flow(speed, opening)
    taken = flow * HEAT * (state["far"] - houses_return(state["far"], flow))
    return {
        "speed": speed * 100,
        "flow": flow,
        "difference": (flow / (_HOUSE_VALVE * max(opening, 0.02))) ** 2,
        "opening": min(max(opening + 0.000_01 * (wanted - taken) * dt, 0.05), 1.0),
        "bias_pump": bias,
    }


def houses_return(far: float, flow: float) -> float:
    """Return the temperature at which water leaves the houses' exchangers."""
    if flow <= 0:
        return far
    return _HOUSE_COLD + (far - _HOUSE_COLD) * math.exp(-_HOUSE_UA / (flow * HEAT))


def _source(state: State, told: Told, flow: float, dt: float) -> State:
    """Return boiler and storage."""
    bias_boiler, bias_charge = state["bias_boiler"], state["bias_charge"]
    fire = told["manual_firing"] / 100
    if told["auto_boiler"] > 0:
        error = told["setpoint_boiler"] - state["boiler"]
        fire, bias_boiler = regulate(bias_boiler, error, gain=0.05, reset=0.0004, seconds=dt, low=0.1)
    error = told["setpoint_storage"] - state["middle"]
    drive, bias_charge = regulate(bias_charge, error, gain=0.012, reset=0.000_02, seconds=dt, low=0.15)
    firing = towards(state["firing"] / 100, fire * told["burner"], 20.0, dt)
    charge = towards(state["charge"], _FULL_CHARGE * drive * told["charge_pump"], 5.0, dt)
    drawn = flow * state["valve"] / 100  # from the top, and as much comes back at the bottom
    inlet, layers = _storage(state, charge, drawn, dt)
    boiler = state["boiler"]
    gained = _FULL_FIRE * firing + charge * HEAT * (inlet - boiler) - 0.05 * (boiler - 20.0)
    return layers | {
        "boiler": min(max(boiler + gained * dt / (BOILER_KG * HEAT), 0.0), 180.0),
        "firing": firing * 100,
        "charge": charge,
        "bias_boiler": bias_boiler,
        "bias_charge": bias_charge,
    }


def _storage(state: State, charge: float, drawn: float, dt: float) -> tuple[float, State]:
    """Return what the boiler gets, and the layers, top first: the surplus of the charge moves down, its lack up."""
    now = [state[name] for name in LAYERS]
    down = charge - drawn
    returned = state["back"]
    above, below = [state["boiler"], *now[:-1]], [*now[1:], returned]
    later: State = {}
    for name, one, over, under in zip(LAYERS, now, above, below, strict=True):
        came = down * (over - one) if down > 0 else -down * (under - one)
        later[name] = one + (came - _LAYER_LOSS / HEAT * (one - 20.0)) * dt / LAYER_KG
    inlet = (drawn * returned + down * now[-1]) / charge if down > 0 else returned
    return inlet, later


def hot(state: State, charge: float, drawn: float) -> float:
    """Return the temperature at the mixing valve's hot side: the boiler's, mixed with the storage's where it lacks."""
    if drawn <= charge:
        return state["boiler"]
    return (charge * state["boiler"] + (drawn - charge) * state["top"]) / drawn


def _network(state: State, told: Told, flow: float, charge: float, dt: float) -> State:
    """Return the mixing valve, and the water on its way to the houses and back."""
    bias, share = state["bias_valve"], state["valve"] / 100
    wanted = told["manual_valve"] / 100
    if told["auto_valve"] > 0:
        error = told["setpoint_supply"] - state["supply"]
        wanted, bias = regulate(bias, error, gain=0.012, reset=0.0006, seconds=dt)
    mixed = share * hot(state, charge, flow * share) + (1.0 - share) * state["back"]
    later = _pipe(state, OUT, mixed, flow, dt)
    later |= _pipe(state, BACK, houses_return(state["far"], flow), flow, dt)
    return later | {
        "valve": follow(share, wanted, 0.02, dt) * 100,
        "supply": towards(state["supply"], mixed, 6.0, dt),
        "heat": flow * HEAT * (mixed - state["back"]),
        "bias_valve": bias,
    }


def _pipe(state: State, cells: tuple[str, ...], entering: float, flow: float, dt: float) -> State:
    later: State = {}
    for cell in cells:
        now = state[cell]
        later[cell] = now + (flow * (entering - now) - _PIPE_LOSS / HEAT * (now - _GROUND)) * dt / CELL_KG
        entering = now
    return later


def expansion(state: State) -> float:
    """Return by how much all water is larger than when the system was filled, m³."""
    masses = ((BOILER_KG, ("boiler",)), (LAYER_KG, LAYERS), (CELL_KG, OUT + BACK))
    return sum(kg * (1.0 / density(state[name]) - 1.0 / density(_FILLED_AT)) for kg, names in masses for name in names)


def _pressure(state: State, told: Told, outside: Outside, dt: float) -> State:
    """Return the gas vessel, and the pump that adds or lets off water until the set-point is met again."""
    pressure, making = state["pressure"], state["making"]
    short = told["setpoint_pressure"] - pressure
    if abs(short) > _DEAD_BAND:
        making = math.copysign(1.0, short)
    elif short * making <= 0:
        making = 0.0
    makeup = towards(state["makeup"], _FULL_MAKEUP * making * told["makeup_pump"], 3.0, dt)
    extra = state["extra"] + (makeup - _LEAK * (1.0 + 0.3 * outside.wander_2)) * dt
    held = extra / 1000.0 + expansion(state)
    return {"extra": extra, "makeup": makeup, "making": making, "pressure": vessel(held)}


def vessel(held: float) -> float:
    """Return the pressure, bar over atmosphere, of a gas vessel that holds so much water, m³; empty: the pipes' own."""
    if held < 0:
        return max(_VESSEL_BAR + 20.0 * held, 1.0) - 1.0
    return _VESSEL_BAR * _VESSEL_M3 / max(_VESSEL_M3 - held, 0.05) - 1.0


PLANT: Final = Plant(
    name="heating",
    title="district heating with storage",
    step_s=10.0,
    day_s=14_400.0,
    tags=TAGS,
    start={
        "outdoor": 4.0,
        "boiler": 90.0,
        "firing": 40.0,
        "charge": 6.0,
        "valve": 68.0,
        "supply": 77.0,
        "flow": 7.0,
        "heat": 850.0,
        "difference": 1.4,
        "speed": 72.0,
        "pressure": 3.1,
        "makeup": 0.0,
        "top": 89.0,
        "layer_2": 85.0,
        "middle": 72.0,
        "layer_4": 55.0,
        "bottom": 48.0,
        **dict.fromkeys(OUT, 76.0),
        **dict.fromkeys(BACK, 47.0),
        "felt": 4.0,
        "opening": 0.45,
        "extra": 320.0,
        "making": 0.0,
        "bias_boiler": 0.4,
        "bias_charge": 0.33,
        "bias_valve": 0.68,
        "bias_pump": 0.72,
    },
    advance=in_pieces(_piece, _PIECE_S),
    maintenance=_MAINTENANCE,
)
