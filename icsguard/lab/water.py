"""The physics of a small water cell: two tanks in series, two pumps, a valve, a town that drinks, and what breaks.

```
 well ──P1──▶ [ tank 1 ] ──P2──valve──▶ [ tank 2 ] ──▶ town (demand of a day, gravity)
              1 buffer                  2 supply, dosed with chlorine on the way
```

Mass balance in both tanks, pump curves with affinity laws, Torricelli's law towards the town, first-order drives,
a valve that needs its time, and complete mixing of chlorine. Damage is latched: it does not heal when levels return.
The controller that runs this cell and its Modbus map are in `icsguard.lab.program`; the points that the map offers
(names as in the point list, `icsguard.lab.cell.points_csv`), all of unit 1, are:

| point | table | address | raw | meaning |
|---|---|---|---|---|
| level_1, level_2 | input | 0, 1 | u16 * 0.001 m | measured levels, 0 to 4 m; safe 1.2 and 1.4 to 3.0 m |
| flow_in, flow_transfer, flow_town | input | 2, 3, 4 | u16 * 0.1 l/s | measured flows |
| speed_1, speed_2 | input | 5, 6 | u16 * 0.1 % | measured pump speeds |
| valve | input | 7 | u16 * 0.1 % | measured opening of the transfer valve |
| chlorine | input | 8 | u16 * 0.01 mg/l | measured in tank 2; safe 0.2 to 3 mg/l |
| pump_1_runs, pump_2_runs | discrete | 0, 1 | bool | running feedback |
| alarm_high_1, alarm_low_1, alarm_high_2, alarm_low_2 | discrete | 2, 3, 4, 5 | bool | level beyond its alarm limit |
| setpoint_1, setpoint_2 | holding | 0, 1 | u16 * 0.001 m | level set-points of the two loops |
| manual_speed_1, manual_speed_2 | holding | 2, 3 | u16 * 0.1 % | pump speeds while the loop is in manual |
| valve_command | holding | 4 | u16 * 0.1 % | wanted opening of the transfer valve |
| alarm_limit_high, alarm_limit_low | holding | 5, 6 | u16 * 0.001 m | for both tanks |
| control_word | holding | 7 | u16 bits | bit 0 horn, bit 1 lamp, bit 15 bypass of the low-level interlock |
| dose | holding | 10, 11 | f32 ABCD mg/l | chlorine dosed into the transferred water |
| auto_1, auto_2 | coil | 0, 1 | bool | loop in automatic |
| pump_1, pump_2 | coil | 2, 3 | bool | run command (off stops the pump in automatic too) |
| emergency_stop | coil | 5 | bool | stops both pumps; a safety point |

Loop 1 keeps level_1 by the speed of pump 1, loop 2 keeps level_2 by the speed of pump 2. The demo plays the plant ten
times faster than life (`SPEED_UP`), and one day of demand in twenty minutes of plant time: an overflow that takes two
minutes in a real cell of this size happens in twelve seconds on the screen. Nothing else is scaled.

Units: metres, cubic metres a second, seconds of plant time, fractions 0 to 1 for speeds and openings, mg/l.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

SPEED_UP: Final = 10.0
"""Seconds of plant time that pass in one second of wall time when the cell is played."""
DAY_S: Final = 1200.0
"""The demand of a day is played in this many seconds of plant time."""
TANK_HEIGHT_M: Final = 4.0
TANK_AREA_M2: Final = 2.0
MAX_STEP_S: Final = 0.25  # a longer step is cut into such pieces: the fastest time constant is 2 s
GRAVITY: Final = 9.81
MAX_CHLORINE_MG_L: Final = 4.0
"""Above it the water is no longer drinkable (the WHO's guideline is 5 mg/l)."""
DRY_RUN_S: Final = 8.0
"""A pump that runs without water for this long is damaged."""

_DRIVE_LAG_S: Final = 2.0
_VALVE_STROKE_S: Final = 10.0
_CHLORINE_DECAY_PER_S: Final = 0.0004
_SUCTION_M: Final = 0.15  # below this level pump 2 draws air
_TOWN_CD_AREA_M2: Final = 0.0144  # discharge coefficient times opening area of the town's main
_WELL_SHUT_OFF_M: Final = 30.0  # heads in metres of water; losses in s²/m⁵: head = loss * flow²
_WELL_STATIC_M: Final = 1.5
_WELL_LOSS: Final = 2850.0
_TRANSFER_SHUT_OFF_M: Final = 20.0
_TRANSFER_LIFT_M: Final = 2.0  # tank 2 stands higher
_TRANSFER_LOSS: Final = 1800.0
_VALVE_LOSS: Final = 545.0
_CLOSED: Final = 0.01


@dataclass(frozen=True, slots=True)
class Commands:
    """What the controller asks of the drives and of the dosing pump."""

    speed_1: float = 0.0
    speed_2: float = 0.0
    valve: float = 1.0
    dose_mg_l: float = 0.8


@dataclass(frozen=True, slots=True)
class Damage:
    """What broke, for good. Volumes in cubic metres, times in seconds of plant time."""

    spilled_1_m3: float = 0.0
    spilled_2_m3: float = 0.0
    dry_run_s: float = 0.0
    """Longest run of pump 2 without water."""
    town_dry_s: float = 0.0
    """How long the town had no water."""
    peak_chlorine_mg_l: float = 0.0

    @property
    def names(self) -> tuple[str, ...]:
        """Say what broke, in words; empty where nothing did."""
        told = (
            ("tank 1 overflowed", self.spilled_1_m3 > 0.0),
            ("tank 2 overflowed", self.spilled_2_m3 > 0.0),
            ("pump 2 ran dry", self.dry_run_s >= DRY_RUN_S),
            ("the town ran dry", self.town_dry_s > 0.0),
            ("chlorine above the drinkable limit", self.peak_chlorine_mg_l > MAX_CHLORINE_MG_L),
        )
        return tuple(name for name, happened in told if happened)


@dataclass(frozen=True, slots=True)
class Water:
    """The state of the cell at one moment."""

    time_s: float = 0.0
    level_1_m: float = 2.0
    level_2_m: float = 2.0
    speed_1: float = 0.492
    speed_2: float = 0.58
    valve: float = 1.0
    chlorine_mg_l: float = 0.78
    flow_in: float = 0.045
    flow_transfer: float = 0.045
    flow_town: float = 0.045
    dry_now_s: float = 0.0
    """How long pump 2 has been running without water, by now."""
    damage: Damage = Damage()


def step(water: Water, commands: Commands, seconds: float) -> Water:
    """Return the cell `seconds` of plant time later, under constant commands. Raises ValueError on a negative time."""
    if seconds < 0.0:
        raise ValueError(f"time runs forward: {seconds} s asked")
    pieces = max(1, math.ceil(seconds / MAX_STEP_S))
    for _ in range(pieces):
        water = _piece(water, commands, seconds / pieces)
    return water


def demand(time_s: float) -> float:
    """Return how far the town's taps are open (0 to 1) at this second: low at night, a morning and an evening peak."""
    hour = 24.0 * (time_s % DAY_S) / DAY_S
    peaks = math.exp(-(((hour - 7.5) / 2.0) ** 2)) + math.exp(-(((hour - 19.0) / 2.5) ** 2))
    return 0.42 + 0.20 * peaks


def _piece(water: Water, commands: Commands, dt: float) -> Water:
    flow_in = well_flow(water.speed_1)
    flow_transfer = transfer_flow(water)
    flow_town = town_flow(water)
    level_1 = water.level_1_m + (flow_in - flow_transfer) * dt / TANK_AREA_M2
    level_2 = water.level_2_m + (flow_transfer - flow_town) * dt / TANK_AREA_M2
    lag = 1.0 - math.exp(-dt / _DRIVE_LAG_S)
    moved = Water(
        time_s=water.time_s + dt,
        level_1_m=min(max(level_1, 0.0), TANK_HEIGHT_M),
        level_2_m=min(max(level_2, 0.0), TANK_HEIGHT_M),
        speed_1=water.speed_1 + (_fraction(commands.speed_1) - water.speed_1) * lag,
        speed_2=water.speed_2 + (_fraction(commands.speed_2) - water.speed_2) * lag,
        valve=_stroke(water.valve, _fraction(commands.valve), dt),
        chlorine_mg_l=_mixed(water, commands.dose_mg_l, flow_transfer, dt),
        flow_in=flow_in,
        flow_transfer=flow_transfer,
        flow_town=flow_town,
        dry_now_s=_dry_now(water, dt),
        damage=water.damage,
    )
    return replace(moved, damage=_damage(moved, level_1, level_2, dt))


def well_flow(speed: float) -> float:
    """Flow of pump 1: it lifts from the well over the tank's rim, so the level does not matter."""
    head = speed * speed * _WELL_SHUT_OFF_M - _WELL_STATIC_M
    return math.sqrt(head / _WELL_LOSS) if head > 0.0 else 0.0


def transfer_flow(water: Water) -> float:
    """Flow of pump 2 through the valve, against the difference of levels; a check valve stops it running back."""
    if water.valve < _CLOSED:
        return 0.0
    static = _TRANSFER_LIFT_M + water.level_2_m - water.level_1_m
    head = water.speed_2 * water.speed_2 * _TRANSFER_SHUT_OFF_M - static
    loss = _TRANSFER_LOSS + _VALVE_LOSS / (water.valve * water.valve)
    flow = math.sqrt(head / loss) if head > 0.0 else 0.0
    return flow * min(1.0, water.level_1_m / _SUCTION_M)


def town_flow(water: Water) -> float:
    """Flow to the town by gravity (Torricelli): the square root of the level, times how far the taps are open."""
    return demand(water.time_s) * _TOWN_CD_AREA_M2 * math.sqrt(2.0 * GRAVITY * max(water.level_2_m, 0.0))


def _fraction(value: float) -> float:
    return min(max(value, 0.0), 1.0)


def _stroke(now: float, wanted: float, dt: float) -> float:
    most = dt / _VALVE_STROKE_S
    return now + min(max(wanted - now, -most), most)


def _mixed(water: Water, dose_mg_l: float, flow_transfer: float, dt: float) -> float:
    volume = max(water.level_2_m * TANK_AREA_M2, 0.05)
    gained = flow_transfer * (max(dose_mg_l, 0.0) - water.chlorine_mg_l) / volume
    return max(water.chlorine_mg_l + (gained - _CHLORINE_DECAY_PER_S * water.chlorine_mg_l) * dt, 0.0)


def _dry_now(water: Water, dt: float) -> float:
    turning_without_water = water.level_1_m < _SUCTION_M and water.speed_2 > 0.1  # noqa: PLR2004 - a tenth of full speed
    return water.dry_now_s + dt if turning_without_water else 0.0


def _damage(water: Water, level_1: float, level_2: float, dt: float) -> Damage:
    """Add what this piece of time broke; `level_1` and `level_2` are before the rim cut them off."""
    so_far = water.damage
    return Damage(
        spilled_1_m3=so_far.spilled_1_m3 + max(level_1 - TANK_HEIGHT_M, 0.0) * TANK_AREA_M2,
        spilled_2_m3=so_far.spilled_2_m3 + max(level_2 - TANK_HEIGHT_M, 0.0) * TANK_AREA_M2,
        dry_run_s=max(so_far.dry_run_s, water.dry_now_s),
        town_dry_s=so_far.town_dry_s + (dt if level_2 < 0.05 else 0.0),  # noqa: PLR2004 - the outlet's upper edge
        peak_chlorine_mg_l=max(so_far.peak_chlorine_mg_l, water.chlorine_mg_l),
    )
