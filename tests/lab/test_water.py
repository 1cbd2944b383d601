import pytest

from icsguard.lab.water import (
    DAY_S,
    DRY_RUN_S,
    TANK_AREA_M2,
    TANK_HEIGHT_M,
    Commands,
    Water,
    demand,
    step,
    town_flow,
    transfer_flow,
    well_flow,
)

STEADY = Commands(speed_1=0.492, speed_2=0.58)


def volume(water):
    return (water.level_1_m + water.level_2_m) * TANK_AREA_M2


def test_water_is_neither_made_nor_lost():
    before = Water()
    after, balance = before, volume(before)
    for _ in range(400):
        balance += (well_flow(after.speed_1) - town_flow(after)) * 0.25
        after = step(after, STEADY, 0.25)
    assert balance == pytest.approx(volume(after), abs=1e-9)


def test_a_long_step_equals_many_short_ones():
    long = step(Water(), STEADY, 60.0)
    short = Water()
    for _ in range(240):
        short = step(short, STEADY, 0.25)
    assert short.level_1_m == pytest.approx(long.level_1_m, abs=1e-9)
    assert short.chlorine_mg_l == pytest.approx(long.chlorine_mg_l, abs=1e-9)


def test_full_inflow_without_transfer_overflows_tank_1_and_the_damage_stays():
    flooded = step(Water(), Commands(speed_1=1.0, speed_2=0.0), 70.0)
    assert "tank 1 overflowed" in flooded.damage.names
    assert flooded.level_1_m == TANK_HEIGHT_M
    drained = step(flooded, Commands(speed_1=0.0, speed_2=0.6), 60.0)
    assert drained.level_1_m < TANK_HEIGHT_M
    assert "tank 1 overflowed" in drained.damage.names


def test_transfer_without_inflow_runs_pump_2_dry():
    starved = step(Water(), Commands(speed_1=0.0, speed_2=0.8), 100.0 + DRY_RUN_S)
    assert "pump 2 ran dry" in starved.damage.names


def test_a_stopped_pump_2_leaves_the_town_dry():
    starved = step(Water(), Commands(speed_1=0.0, speed_2=0.0), 400.0)
    assert starved.damage.names == ("the town ran dry",)


def test_an_overdose_makes_the_water_undrinkable():
    overdosed = step(Water(), Commands(speed_1=0.492, speed_2=0.58, dose_mg_l=10.0), 90.0)
    assert overdosed.damage.names == ("chlorine above the drinkable limit",)


def test_a_day_of_steady_running_breaks_nothing():
    assert step(Water(), STEADY, DAY_S).damage.names == ()


def test_a_closed_valve_stops_the_transfer_but_needs_its_stroke():
    closing = step(Water(), Commands(speed_1=0.492, speed_2=0.58, valve=0.0), 5.0)
    assert transfer_flow(closing) > 0.0
    closed = step(closing, Commands(speed_1=0.492, speed_2=0.58, valve=0.0), 6.0)
    assert transfer_flow(closed) == 0.0


def test_gravity_flow_follows_the_square_root_of_the_level():
    assert town_flow(Water(level_2_m=4.0)) == pytest.approx(2.0 * town_flow(Water(level_2_m=1.0)))


def test_demand_has_its_peaks_in_the_morning_and_in_the_evening():
    night, morning, noon, evening = (demand(hour / 24.0 * DAY_S) for hour in (2.0, 7.5, 13.0, 19.0))
    assert night < noon < morning
    assert noon < evening


def test_time_never_runs_backwards():
    with pytest.raises(ValueError, match="time runs forward"):
        step(Water(), STEADY, -1.0)
