import pytest

from icsguard.lab.plants.api import Outside
from icsguard.lab.plants.heating import (
    BACK,
    BOILER_KG,
    CELL_KG,
    HEAT,
    LAYER_KG,
    LAYERS,
    OUT,
    PLANT,
    demand,
    density,
    houses_return,
    network_flow,
    vessel,
)

QUIET = Outside(0.5, 0.0, 0.0)
PIECE_S = 5.0


def commands(**others):
    return {tag.name: tag.start for tag in PLANT.commands} | others


def run(seconds, state=None, **others):
    state, told = dict(state or PLANT.start), commands(**others)
    for _ in range(round(seconds / PIECE_S)):
        state = PLANT.advance(state, told, QUIET, PIECE_S)
    return state


def stored(state):
    """Heat in all water, kJ over 0 °C."""
    kilograms = {"boiler": BOILER_KG} | dict.fromkeys(LAYERS, LAYER_KG) | dict.fromkeys(OUT + BACK, CELL_KG)
    return sum(HEAT * kg * state[name] for name, kg in kilograms.items())


@pytest.mark.parametrize("others", [{}, {"charge_pump": 0}, {"burner": 0}, {"auto_valve": 0, "manual_valve": 100}])
def test_heat_is_neither_made_nor_lost(others):
    state = run(600)
    for _ in range(300):
        before, state = state, PLANT.advance(state, commands(**others), QUIET, PIECE_S)
        houses = state["flow"] * HEAT * (before["far"] - houses_return(before["far"], state["flow"]))
        lost = 0.05 * (before["boiler"] - 20) + sum(0.01 * (before[name] - 20) for name in LAYERS)
        lost += sum(0.04 * (before[name] - 8) for name in OUT + BACK)
        gained = (20.0 * state["firing"] - houses - lost) * PIECE_S
        assert gained == pytest.approx(stored(state) - stored(before), abs=0.01)


def test_the_density_is_that_of_the_tables():
    assert [999.97, 998.2, 971.8] == pytest.approx([density(celsius) for celsius in (4, 20, 80)], abs=0.3)


def test_flow_follows_the_affinity_law():
    assert 2.0 == pytest.approx(network_flow(0.8, 0.4) / network_flow(0.4, 0.4))


def test_more_flow_comes_back_warmer():
    assert houses_return(75, 4) < houses_return(75, 8) < 75


def test_houses_want_more_in_the_cold_and_in_the_morning():
    assert demand(QUIET, -5.0) > demand(QUIET, 5.0) + 400
    assert demand(QUIET._replace(day=0.3), 5.0) > demand(QUIET, 5.0) + 150


def test_a_vessel_half_full_has_twice_its_absolute_pressure():
    assert 2.0 == vessel(0.0)
    assert 5.0 == pytest.approx(vessel(0.6))


def test_the_supply_settles_at_its_set_point():
    assert 79.5 == pytest.approx(run(6000, setpoint_supply=79.5)["supply"], abs=0.2)


def test_the_difference_settles_at_its_set_point():
    assert 1.6 == pytest.approx(run(6000, setpoint_difference=1.6)["difference"], abs=0.03)


def test_what_is_fed_in_arrives_after_the_content_of_the_pipe():
    quiet = run(12_000)
    dead = len(OUT) * CELL_KG / quiet["flow"]
    risen = [run(dead * share, state=quiet, setpoint_supply=80)["far"] - quiet["far"] for share in (0.3, 2.0)]
    assert abs(risen[0]) < 0.5
    assert risen[1] > 2.0


def test_a_stopped_network_pump_takes_the_houses_their_water(later):
    assert later("heating", 3, network_pump=0)["difference"] < 0.5


def test_a_set_point_too_high_overheats_the_boiler(later):
    assert later("heating", 60, setpoint_boiler=130)["boiler"] > 105


def test_a_closed_valve_leaves_the_far_houses_cold(later):
    assert later("heating", 120, auto_valve=0, manual_valve=0)["far"] < 60


def test_too_much_water_passes_the_pressure_of_the_system(later):
    assert later("heating", 60, setpoint_pressure=8)["pressure"] > 4.5


def test_water_let_off_falls_below_the_pressure_of_the_system(later):
    assert later("heating", 90, setpoint_pressure=0.5)["pressure"] < 2.2
