import numpy as np
import pytest

from icsguard.twin.courses import MAX_WEIGHT, RARE, Course, Input, Motion, fitted, paces, rows_of, terms_of
from icsguard.twin.dynamics import Feature, Law, step

ROOM, FAN = 0, 1


def plain_law(columns=2):
    none = np.empty(0, dtype=np.intp)
    size = (columns,)
    return Law(
        np.zeros(size), np.ones(size), np.full(size, -1e9), np.full(size, 1e9), (), (), np.array([0]), none, none
    )


def room(length=1200, noise=0.02, seed=3):
    """A room that fills by a load nobody measures, and is emptied by a fan that now and then stops for ten rows."""
    chance = np.random.default_rng(seed)
    rows = np.zeros((length, 2))
    value = 5.0
    for index in range(length):
        on = float(index % 90 < 80)
        load = 1.0 + 0.6 * np.sin(index / 150)
        rows[index] = value + noise * chance.standard_normal(), on
        value += load - 0.2 * on * value
    return rows


def test_a_switch_is_learnt_beside_a_load_that_moves_by_more():
    course = Course(ROOM, (Input(Feature(ROOM), ((FAN, 1),)),), 3)
    (term,) = fitted(course, rows_of([room()], plain_law()))
    assert -0.2 == pytest.approx(term.weight, abs=0.02)
    assert ((FAN, 1),) == term.when


def test_what_is_left_over_is_the_load():
    rows = rows_of([room(noise=0.0)], plain_law())
    course = Course(ROOM, (Input(Feature(ROOM), ((FAN, 1),)),), 3)
    motion = Motion.of(fitted(course, rows), rows, ROOM)
    loads = motion.loads(6)
    expected = 1.0 + 0.6 * np.sin((np.arange(1, 1200) - 3.5) / 150)
    np.testing.assert_allclose(loads[100:-1], expected[100:-1], atol=0.05)
    assert 0.0 == motion.loads(0).max()


def test_a_load_does_not_reach_over_a_gap():
    one = np.column_stack([np.arange(30.0), np.ones(30)])
    other = np.column_stack([np.full(30, 7.0), np.ones(30)])
    rows = rows_of([one, other], plain_law())
    loads = Motion.of((), rows, ROOM).loads(20)
    assert [1.0, 0.0, 0.0] == [loads[28], loads[29], loads[45]]


def test_a_simulation_with_the_load_foretells_a_stop_of_the_fan():
    rows = rows_of([room()], plain_law())
    course = Course(ROOM, (Input(Feature(ROOM), ((FAN, 1),)),), 3)
    terms = fitted(course, rows)
    starts = np.array([438, 528, 618])  # the fan stops right after
    with_load = Motion.of(terms, rows, ROOM).errors(6, starts).mean()
    assert with_load < 0.2 * Motion.of(terms, rows, ROOM).errors(0, starts).mean()
    assert with_load < 0.2 * Motion.of((), rows, ROOM).errors(0, starts).mean()


def test_simulations_end_where_the_rows_do():
    rows = rows_of([room(40), room(40)], plain_law())
    assert np.isfinite(Motion.of((), rows, ROOM).errors(6, np.array([0, 38, 39, 77]))).all()


def test_paces_of_parts_add_up_but_for_the_borders():
    inputs = (Input(Feature(ROOM)), Input(Feature(-1), ((FAN, 0),)))
    rows = rows_of([room()], plain_law())
    whole = paces(rows, inputs, ROOM, 3)
    parts = [paces(rows.part(first, first + 600), inputs, ROOM, 3) for first in (0, 600)]
    rest = whole - parts[0] - parts[1]
    assert np.trace(rest.gram) < 0.05 * np.trace(whole.gram)
    assert 0 <= rest.square < 0.05 * whole.square


def test_a_course_is_stepped_like_any_law():
    rows = room(noise=0.0)
    terms = terms_of(Course(ROOM, (Input(Feature(ROOM), ((FAN, 1),)),), 3), np.array([-0.2]))
    law = plain_law()
    law = Law(law.mean, law.scale, law.low, law.high, terms, (), law.moving, law.tied, np.array([FAN]))
    load = np.column_stack([1.0 + 0.6 * np.sin(np.arange(1200) / 150), np.zeros(1200)])
    np.testing.assert_allclose(rows[2:, ROOM], step(law, rows[1:-1], rows[:-2], load[1:-1])[:, ROOM], atol=1e-9)


def test_where_everything_is_measured_a_course_is_fitted_to_the_moves():
    chance = np.random.default_rng(1)
    rows = np.zeros((600, 2))
    for index in range(1, 600):
        value, on = rows[index - 1]
        rows[index] = value + 0.1 * on - 0.05 * value + 0.001 * chance.standard_normal(), float(index % 40 < 30)
    inputs = (Input(Feature(ROOM)), Input(Feature(-1), ((FAN, 1),)))
    terms = fitted(Course(ROOM, inputs, 1, by_pace=False), rows_of([rows], plain_law()))
    assert [-0.05, 0.1] == pytest.approx([term.weight for term in terms], abs=0.002)


def test_rows_in_a_rare_state_count_for_more_up_to_a_bound():
    rows = room()
    plain, weighted = (rows_of([rows], plain_law(), bits).weights for bits in ((), (FAN,)))
    assert {1.0} == set(plain)
    assert {1.0} == set(weighted[rows[1:, FAN] == 1])  # every ninth row is off: that is not rare
    rows[:, FAN] = 1.0
    rows[500:503, FAN] = 0.0
    weighted = rows_of([rows], plain_law(), (FAN,)).weights
    assert (MAX_WEIGHT, 1.0) == (weighted[501], weighted[300])
    rows[500:530, FAN] = 0.0
    weighted = rows_of([rows], plain_law(), (FAN,)).weights
    assert weighted[501] == pytest.approx(RARE / (30 / 1199))
