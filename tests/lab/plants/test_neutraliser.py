import pytest

from icsguard.lab.plants.api import Outside
from icsguard.lab.plants.neutraliser import PLANT, conductivity, ph_of

QUIET = Outside(0.25, 0.0, 0.0)
PIECE_S = 2.5


def commands(**others):
    return {tag.name: tag.start for tag in PLANT.commands} | others


def run(seconds, state=None, **others):
    state, told = dict(state or PLANT.start), commands(**others)
    for _ in range(round(seconds / PIECE_S)):
        state = PLANT.advance(state, told, QUIET, PIECE_S)
    return state


def held_acid(state):
    """Strong acid less strong base in all vessels, mmol."""
    pipe = sum(state[f"cl_{cell}"] - state[f"na_{cell}"] for cell in range(1, 6)) * 25.0
    even = (state["cl_even"] - state["na_even"]) * state["level"] * 2000.0
    return even + (state["cl"] - state["na"]) * 1000.0 + pipe + state["acid_out"] * 2000.0


def test_strong_acid_has_the_ph_of_its_concentration():
    assert 2.398 == pytest.approx(ph_of(4.0), abs=0.002)


def test_half_the_carbonate_neutralised_is_its_first_constant():
    assert 6.35 == pytest.approx(ph_of(-2.0), abs=0.01)


def test_the_curve_is_flat_where_it_buffers_and_steep_beyond():
    assert ph_of(-2.1) - ph_of(-1.9) < 0.1
    assert ph_of(-4.1) - ph_of(-3.9) > 0.6


def test_conductivity_rises_with_what_is_dosed_beyond_neutral():
    assert conductivity(4.0, 8.5) > conductivity(4.0, 7.5)
    assert conductivity(4.0, 0.0) > conductivity(4.0, 4.0)


@pytest.mark.parametrize("divert", [0, 1])
def test_acid_and_base_are_balanced(divert):
    state = run(600)
    before, came = held_acid(state), 0.0
    for _ in range(200):
        state = PLANT.advance(state, commands(divert=divert), QUIET, PIECE_S)
        leaving = 0.0 if divert else state["feed"] * state["acid_out"]
        came += (state["inflow"] * 4.0 - state["caustic"] / 3.6 - leaving) * PIECE_S
    assert came == pytest.approx(held_acid(state) - before, abs=0.01 * state["inflow"] * 4.0 * 500)


def test_the_tank_answers_with_its_residence_time_and_the_pipe_with_its_dead_time():
    quiet = run(3000, auto_ph=0)
    target = run(3000, state=quiet, auto_ph=0, manual_ratio=7.9)
    share = [
        (after["na"] - quiet["na"]) / (target["na"] - quiet["na"])
        for after in (run(seconds, state=quiet, auto_ph=0, manual_ratio=7.9) for seconds in (200, 600))
    ]
    assert [0.63, 0.95] == pytest.approx(share, abs=0.04)
    soon = run(10, state=quiet, auto_ph=0, manual_ratio=7.9)
    assert soon["na"] > quiet["na"] + 0.005
    assert quiet["na_5"] == pytest.approx(soon["na_5"], abs=0.0005)


def test_the_ph_settles_at_its_set_point():
    assert 7.5 == pytest.approx(run(6000, setpoint_ph=7.5)["ph"], abs=0.03)


def test_the_level_settles_at_its_set_point():
    assert 2.3 == pytest.approx(run(9000, setpoint_level=2.3)["level"], abs=0.02)


def test_without_caustic_the_river_gets_acid(later):
    assert later("neutraliser", 60, caustic_pump=0)["ph_out"] < 6


def test_a_set_point_far_up_makes_the_river_alkaline(later):
    assert later("neutraliser", 120, setpoint_ph=11)["ph_out"] > 9


def test_without_feed_pump_the_tank_runs_full(later):
    assert later("neutraliser", 90, feed_pump=0)["level"] > 3.4


def test_too_much_chlorine_passes_its_limit(later):
    assert later("neutraliser", 60, setpoint_chlorine=5)["chlorine"] > 2.5


def test_diverted_water_brings_no_chlorine_and_comes_back(later):
    state = later("neutraliser", 60, divert=1)
    assert 0 == pytest.approx(state["hypochlorite"], abs=1e-6)
    assert state["na_even"] > 1.0


def test_an_unstirred_tank_lets_acid_pass(later):
    assert later("neutraliser", 4, stir=0)["ph"] < 6.5
