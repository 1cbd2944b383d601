"""Waste-water treatment: acid effluent is evened out, neutralised with caustic soda, and disinfected with chlorine.

```
 works ──▶ [even-out] ──feed──▶ [neutraliser, stirred] ──pipe (dead time)──▶ pH ──▶ [contact basin] ──▶ river
               ▲                       ▲ caustic                             │           ▲ hypochlorite
               └───────────────────────┴────────── divert ◀──────────────────┘
```

Ions are balanced tank by tank (reaction invariants: Gustafsson and Waller 1983); pH follows from them by charge balance
with carbonate as buffer (McAvoy, Hsu and Lowenthal 1972), so the loop's gain changes with the pH. The pipe is five
tanks in series (Levenspiel): a dead time that blurs. Without its stirrer the tank is short-circuited (Cholette and
Cloutier 1959). Free chlorine decays by first order after an immediate demand; the redox probe sees its undissociated
part alone (pKa 7.53, Morris 1966). Conductivity adds up what ions carry (Kohlrausch). Volumes of the doses, at most two
percent, are left out of the water's balance. l/s, mmol/l, m, mg/l.
"""

from __future__ import annotations

import math
from typing import Final

from icsguard.lab.plants.api import Outside, Plant, State, Stroke, Told, measured, setpoint, switch
from icsguard.lab.plants.parts import by_hand, in_pieces, outage, regulate, towards

_PIECE_S: Final = 2.5
_EVEN_M2: Final = 2.0
_EVEN_HEIGHT_M: Final = 4.0
_TANK_L: Final = 1000.0
_PIPE_L: Final = 125.0
_BASIN_L: Final = 2000.0
_CELLS: Final = 5
_FULL_FEED: Final = 10.0  # l/s
_FULL_RATIO: Final = 20.0  # ml of caustic soda (1 mol/l) a litre of feed: mmol/l
_FULL_CAUSTIC: Final = 0.12  # l/s
_FULL_HYPO: Final = 30.0  # mg/s of chlorine
_HYPO_G_L: Final = 150.0  # of commercial sodium hypochlorite

_ACID: Final = 4.0  # mmol/l in the effluent, on top of its salt
_SALT: Final = 10.0  # mmol/l
_CARBONATE: Final = 4.0  # mmol/l, all forms together; closed to the air
_PK_1, _PK_2, _PK_W = 6.35, 10.33, 14.0  # 25 °C
_PK_CHLORINE: Final = 7.53
_DEMAND: Final = 0.6  # mg/l of chlorine, used up at once
_DECAY: Final = 0.0006  # 1/s
_SHORTCUT: Final = 0.7  # of the feed, past an unstirred tank
_PH_STEPS: Final = 20  # bisections of 0 to 14: one part in 75 000 of a pH unit
_CARRY: Final = {"h": 349.8, "oh": 198.0, "na": 50.1, "cl": 76.3, "hco3": 44.5}  # S cm²/mol, 25 °C

TAGS: Final = (
    measured("inflow", "l/s", 0.01, 0.03),
    measured("level", "m", 0.001, 0.003, safe=(0.6, 3.4), loop="LIC-1"),
    measured("feed", "l/s", 0.01, 0.02, loop="LIC-1"),
    measured("caustic", "l/h", 0.1, 0.4, loop="AIC-1"),
    measured("conductivity", "mS/cm", 0.001, 0.005, loop="AIC-1"),
    measured("stirrer", "kW", 0.01, 0.01, loop="AIC-1"),
    measured("ph", "pH", 0.01, 0.015, loop="AIC-1"),
    measured("ph_out", "pH", 0.01, 0.015, safe=(6.0, 9.0), loop="AIC-1"),
    measured("hypochlorite", "l/h", 0.001, 0.001, loop="AIC-2"),
    measured("chlorine", "mg/l", 0.01, 0.01, safe=(0.25, 2.5), loop="AIC-2"),
    measured("redox", "mV", 1.0, 1.5, loop="AIC-2"),
    setpoint("setpoint_level", "m", 0.001, 2.0, usual=(1.7, 2.3), writable=(0.2, 3.9), loop="LIC-1"),
    setpoint("setpoint_ph", "pH", 0.01, 7.2, usual=(6.9, 7.5), writable=(4.0, 11.0), loop="AIC-1"),
    setpoint("setpoint_chlorine", "mg/l", 0.01, 1.0, usual=(0.8, 1.2), writable=(0.0, 5.0), loop="AIC-2"),
    setpoint("manual_feed", "%", 0.1, 50.0, usual=None, writable=(0.0, 100.0), loop="LIC-1"),
    setpoint("manual_ratio", "ml/l", 0.01, 7.5, usual=None, writable=(0.0, 20.0), loop="AIC-1"),
    setpoint("manual_hypochlorite", "%", 0.1, 32.0, usual=None, writable=(0.0, 100.0), loop="AIC-2"),
    switch("auto_level", 1.0, "LIC-1"),
    switch("auto_ph", 1.0, "AIC-1"),
    switch("auto_chlorine", 1.0, "AIC-2"),
    switch("feed_pump", 1.0, "LIC-1"),
    switch("caustic_pump", 1.0, "AIC-1"),
    switch("stir", 1.0, "AIC-1"),
    switch("divert", 0.0),
)

_MAINTENANCE: Final = (
    by_hand("auto_ph", "manual_ratio", (7.1, 7.3), (7.6, 7.9), back=7.5, after=2),
    by_hand("auto_level", "manual_feed", (44, 47), (53, 58), back=50),
    by_hand("auto_chlorine", "manual_hypochlorite", (28, 30), (34, 37), back=32),
    outage("feed_pump", 6),
    outage("stir", 2),
    (Stroke(0, "divert", 1, 1), Stroke(10, "divert", 0, 0)),
)


def ph_of(acid: float) -> float:
    """Return the pH of water with so much more strong acid than strong base, mmol/l (negative: more base)."""
    low, high = 0.0, 14.0
    for _ in range(_PH_STEPS):
        middle = 0.5 * (low + high)
        if _charge(middle) > acid:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


def _charge(ph: float) -> float:
    """Return the charge, mmol/l, of what water and carbonate are at this pH; falls with it."""
    hydrogen, hydroxide, bicarbonate, carbonate = _species(ph)
    return hydrogen - hydroxide - bicarbonate - 2 * carbonate


def _species(ph: float) -> tuple[float, float, float, float]:
    first, second = 10 ** (ph - _PK_1), 10 ** (ph - _PK_2)
    whole = _CARBONATE / (1.0 + first + first * second)
    return 10 ** (3 - ph), 10 ** (3 + ph - _PK_W), whole * first, whole * first * second


def conductivity(chloride: float, sodium: float) -> float:
    """Return the conductivity, mS/cm, of water with these ions (mmol/l) over its salt."""
    hydrogen, hydroxide, bicarbonate, carbonate = _species(ph_of(chloride - sodium))
    carried = _CARRY["h"] * hydrogen + _CARRY["oh"] * hydroxide + _CARRY["hco3"] * (bicarbonate + 2 * carbonate)
    return (carried + _CARRY["cl"] * (_SALT + chloride) + _CARRY["na"] * (_SALT + sodium)) / 1000.0


def _piece(state: State, told: Told, outside: Outside, dt: float) -> State:
    work = math.sin(2 * math.pi * (outside.day - 0.25))
    inflow = max(5.0 * (1.0 + 0.2 * work + 0.05 * outside.wander_1), 0.0)
    acid = _ACID * (1.0 + 0.05 * work + 0.06 * outside.wander_2)
    feed, bias_level = _feed(state, told, dt)
    caustic, bias_ph = _caustic(state, told, feed, dt)
    back = feed if told["divert"] > 0 else 0.0
    level = state["level"] + (inflow + back - feed) * dt / 1000.0 / _EVEN_M2
    stirring = towards(state["stirring"], told["stir"], 4.0, dt)
    later = _ions(state, inflow * acid, inflow, feed, back, caustic, _SHORTCUT * (1.0 - stirring), dt)
    later |= _basin(state, told, outside, feed - back, dt)
    return later | {
        "inflow": inflow,
        "level": min(max(level, 0.0), _EVEN_HEIGHT_M),  # full: it runs over; empty: the pump draws air
        "feed": feed,
        "caustic": caustic * 3600.0,
        "conductivity": conductivity(later["cl"], later["na"]),
        "stirrer": 0.02 + 1.5 * stirring,
        "ph": towards(state["ph"], ph_of(later[f"cl_{_CELLS}"] - later[f"na_{_CELLS}"]), 5.0, dt),
        "ph_out": towards(state["ph_out"], ph_of(later["acid_out"]), 5.0, dt),
        "bias_level": bias_level,
        "bias_ph": bias_ph,
        "stirring": stirring,
    }


def _feed(state: State, told: Told, dt: float) -> tuple[float, float]:
    """Return the feed, l/s, and the integral of its loop: slow on purpose, the tank is there to even out."""
    bias = state["bias_level"]
    wanted = told["manual_feed"] / 100
    if told["auto_level"] > 0:
        wanted, bias = regulate(bias, state["level"] - told["setpoint_level"], gain=0.35, reset=0.0012, seconds=dt)
    runs = told["feed_pump"] if state["level"] > 0.05 else 0.0  # noqa: PLR2004 - metres: the pump's mouth
    return towards(state["feed"], _FULL_FEED * wanted * runs, 5.0, dt), bias


def _caustic(state: State, told: Told, feed: float, dt: float) -> tuple[float, float]:
    """Return the caustic soda, l/s of 1 mol/l, and the integral of its loop; dosed in proportion to the feed."""
    bias = state["bias_ph"]
    ratio = told["manual_ratio"]
    if told["auto_ph"] > 0:
        share, bias = regulate(bias, told["setpoint_ph"] - state["ph"], gain=0.015, reset=0.00025, seconds=dt)
        ratio = _FULL_RATIO * share
    wanted = min(ratio * feed / 1000.0, _FULL_CAUSTIC)
    return towards(state["caustic"] / 3600.0, wanted * told["caustic_pump"], 3.0, dt), bias


def _ions(  # noqa: PLR0913, PLR0917 - the streams that meet here
    state: State, acid: float, inflow: float, feed: float, back: float, caustic: float, shortcut: float, dt: float
) -> State:
    """Return strong acid (cl) and strong base (na) in the even-out tank, the neutraliser and each cell of the pipe."""
    even_l = max(state["level"] * _EVEN_M2 * 1000.0, 50.0)
    later: State = {}
    for ion, came, dosed in (("cl", acid, 0.0), ("na", 0.0, caustic * 1000.0)):
        even, tank = state[f"{ion}_even"], state[ion]
        returned = back * (state[f"{ion}_{_CELLS}"] - even)
        later[f"{ion}_even"] = even + (came - inflow * even + returned) * dt / even_l
        through = feed * (1.0 - shortcut)
        later[ion] = tank + (through * (even - tank) + dosed) * dt / _TANK_L
        before = (1.0 - shortcut) * tank + shortcut * even
        for cell in range(1, _CELLS + 1):
            now = state[f"{ion}_{cell}"]
            later[f"{ion}_{cell}"] = now + feed * (before - now) * dt * _CELLS / _PIPE_L
            before = now
    return later


def _basin(state: State, told: Told, outside: Outside, through: float, dt: float) -> State:
    """Return the contact basin: what is left of acid, of chlorine, and what the redox probe says."""
    bias = state["bias_chlorine"]
    wanted = told["manual_hypochlorite"] / 100
    if told["auto_chlorine"] > 0:
        error = told["setpoint_chlorine"] - state["chlorine"]
        wanted, bias = regulate(bias, error, gain=0.4, reset=0.0012, seconds=dt)
    # Interlock: no water, no chlorine.
    dose = towards(state["hypochlorite"] * _HYPO_G_L / 3.6, _FULL_HYPO * wanted * (through > 0.5), 3.0, dt)  # noqa: PLR2004 - l/s
    demand = _DEMAND * (1.0 + 0.15 * outside.wander_2)
    chlorine = state["chlorine"]
    fresh = max(dose - through * demand, 0.0) - through * chlorine
    chlorine += (fresh / _BASIN_L - _DECAY * chlorine) * dt
    entering = state[f"cl_{_CELLS}"] - state[f"na_{_CELLS}"]
    active = chlorine / (1.0 + 10 ** (state["ph_out"] - _PK_CHLORINE))
    return {
        "acid_out": state["acid_out"] + through * (entering - state["acid_out"]) * dt / _BASIN_L,
        "hypochlorite": dose * 3.6 / _HYPO_G_L,
        "chlorine": chlorine,
        "redox": towards(state["redox"], 720.0 + 60.0 * math.log10(max(active, 0.01)), 20.0, dt),
        "bias_chlorine": bias,
    }


_NEUTRAL: Final = 3.50  # mmol/l of base more than of acid: pH 7.2
PLANT: Final = Plant(
    name="neutraliser",
    title="waste-water neutralisation and disinfection",
    step_s=10.0,
    day_s=14_400.0,
    tags=TAGS,
    start={
        "inflow": 5.0,
        "level": 2.0,
        "feed": 5.0,
        "caustic": 135.0,
        "conductivity": 2.1,
        "stirrer": 1.52,
        "ph": 7.2,
        "ph_out": 7.2,
        "hypochlorite": 0.23,
        "chlorine": 1.0,
        "redox": 710.0,
        "cl_even": _ACID,
        "na_even": 0.0,
        "cl": _ACID,
        "na": _ACID + _NEUTRAL,
        **{f"cl_{cell}": _ACID for cell in range(1, _CELLS + 1)},
        **{f"na_{cell}": _ACID + _NEUTRAL for cell in range(1, _CELLS + 1)},
        "acid_out": -_NEUTRAL,
        "bias_level": 0.5,
        "bias_ph": 0.375,
        "bias_chlorine": 0.32,
        "stirring": 1.0,
    },
    advance=in_pieces(_piece, _PIECE_S),
    maintenance=_MAINTENANCE,
)
