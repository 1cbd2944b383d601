import pytest

from icsguard.lab.plants.api import Outside
from icsguard.lab.plants.coldstore import PLANT, RECEIVER_KG, SEPARATOR_KG, latent, running, saturation, swept

QUIET = Outside(0.3, 0.0, 0.0)


def commands(**others):
    return {tag.name: tag.start for tag in PLANT.commands} | others


def run(seconds, state=None, **others):
    state, told = dict(state or PLANT.start), commands(**others)
    for _ in range(round(seconds / 10.0)):
        state = PLANT.advance(state, told, QUIET, 10.0)
    return state


def ammonia(state):
    """Kilograms in separator and receiver."""
    return (state["separator"] * SEPARATOR_KG + state["receiver"] * RECEIVER_KG) / 100


def test_ammonia_boils_where_the_tables_say():
    assert 1.013 == pytest.approx(saturation(-33.3), rel=0.02)
    assert 13.5 == pytest.approx(saturation(35.0), rel=0.02)


def test_a_vapour_carries_the_heat_of_the_tables():
    assert 1262 == pytest.approx(latent(0.0), rel=0.01)


@pytest.mark.parametrize(
    "others",
    [{}, {"setpoint_separator": 100}, {"setpoint_separator": 0}, {"compressor_1": 0}, {"condenser": 0}],
)
def test_no_ammonia_is_lost_in_a_day_whatever_is_written(others):
    assert ammonia(PLANT.start) == pytest.approx(ammonia(run(14_400, **others)), abs=0.001)


def test_no_machine_does_better_than_carnot():
    state = run(9000)
    power = sum(state[f"power_{number}"] for number in (1, 2, 3))
    lost = 2 * 30 + sum(1.2 * (state["wet_bulb"] + 5 - state[f"room_{number}"]) for number in (1, 2))
    carnot = (state["boiling"] + 273.15) / (state["condensed"] - state["boiling"])
    assert 1.5 < lost / power < carnot


def test_the_condenser_gives_off_what_rooms_and_machines_bring():
    state = run(9000, setpoint_suction=1.3)
    loads = 2 * 30 + sum(1.2 * (state["wet_bulb"] + 5 - state[f"room_{number}"]) for number in (1, 2))
    idle = 3.0 + 2.0 * state["steps"]
    compressed = 0.45 * (sum(state[f"power_{number}"] for number in (1, 2, 3)) - idle)
    given = 20.0 * (0.1 + 0.9 * state["fan_condenser"] / 100) * (state["condensed"] - state["wet_bulb"])
    assert loads + compressed == pytest.approx(given, rel=0.01)


def test_a_higher_pressure_ratio_carries_less_and_costs_more():
    low, high = swept(-28, 7), swept(-28, 11)
    assert low[0] > high[0]
    assert low[1] < high[1]


def test_a_missing_machine_is_replaced_by_the_next():
    assert (1, 0) == running(1.0, commands())
    assert (0, 1) == running(1.0, commands(compressor_2=0))
    assert (1, 1) == running(2.0, commands())
    assert (0, 0) == running(0.0, commands())


def test_the_second_machine_comes_when_much_cold_is_wanted():
    assert 2.0 == run(3000, setpoint_1=-24, setpoint_2=-24, setpoint_suction=1.15)["steps"]


def test_a_room_settles_at_its_set_point():
    assert -21.0 == pytest.approx(run(6000, setpoint_1=-21)["room_1"], abs=0.1)


def test_the_suction_settles_at_its_set_point():
    assert 1.4 == pytest.approx(run(6000, setpoint_suction=1.4)["suction"], abs=0.02)


def test_a_room_warms_with_its_time_constant_without_cold(later):
    warmer = later("coldstore", 6, defrost_1=1)["room_1"] - PLANT.start["room_1"]
    assert 0.7 < warmer < 2.5


def test_defrosting_takes_the_frost():
    assert run(80, defrost_2=1)["frost_2"] < 0.3 * PLANT.start["frost_2"]


def test_defrosting_without_end_thaws_the_room(later):
    assert later("coldstore", 60, defrost_2=1)["room_2"] > -15


def test_a_condenser_that_stands_passes_the_high_pressure(later):
    assert later("coldstore", 60, condenser=0)["condensing"] > 16.5


def test_a_set_point_too_low_pulls_the_suction_below_the_air(later):
    assert later("coldstore", 60, setpoint_suction=0.4)["suction"] < 0.9


def test_liquid_reaches_the_machines_where_the_separator_is_filled(later):
    assert later("coldstore", 60, setpoint_separator=100)["separator"] > 80
