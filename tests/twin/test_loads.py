import numpy as np
import pytest

from icsguard.twin.dynamics import Feature, Law, Term, loads
from icsguard.twin.grid import Row
from icsguard.twin.loads import Loads
from icsguard.twin.rollout import Roller

LEVEL, VALVE = 0, 1


def law(memory=6):
    """A tank that its valve fills, and a town empties that nobody measures."""
    arrays = [np.array(one, dtype=float) for one in ((0, 0), (1, 1), (-9, -9), (9, 9))]
    terms = (Term(LEVEL, Feature(VALVE), 0.5),)
    none = np.empty(0, dtype=np.intp)
    return Law(*arrays, terms, (), np.array([LEVEL]), none, none, ((LEVEL, memory),))


def rows(draws, valve=0.4):
    level, found = 1.0, []
    for draw in draws:
        found.append((level, valve))
        level += 0.5 * valve - draw
    return found


def feed(watch, values, *, first_follows=False):
    for index, one in enumerate(values):
        watch.feed(Row(index, one, index > 0 or first_follows))


def test_the_load_is_the_mean_of_what_the_last_rows_left_over():
    watch = Loads(Roller(law()), [VALVE])
    feed(watch, rows([0.1] * 10 + [0.3] * 5))
    assert -(2 * 0.1 + 4 * 0.3) / 6 == pytest.approx(watch.now[0])


def test_it_is_the_same_live_as_while_learning():
    watch, values = Loads(Roller(law()), [VALVE]), rows([0.1, 0.2, 0.05, 0.3, 0.2, 0.1, 0.4, 0.2, 0.3, 0.1])
    feed(watch, values)
    assert loads(law(), np.array(values))[-1, LEVEL] == pytest.approx(watch.now[0])


def test_a_command_that_moves_is_no_load():
    watch = Loads(Roller(law()), [VALVE])
    level, values = 1.0, []
    for index in range(20):
        valve = 0.4 if index < 10 else 0.0
        values.append((level, valve))
        level += 0.5 * (0.4 if index < 9 else 0.0) - 0.1  # told between two rows: it acts from the first one on
    feed(watch, values)
    assert pytest.approx(-0.1) == watch.now[0]


def test_a_gap_starts_anew():
    watch = Loads(Roller(law()), [VALVE])
    feed(watch, rows([0.1] * 10))
    assert pytest.approx(-0.1) == watch.now[0]
    feed(watch, rows([0.3] * 2))
    assert 0.0 == watch.now[0]


def test_a_roll_out_carries_the_load_on():
    roller = Roller(law(), 10)
    state = np.array([1.0, 0.4])
    rolled = roller.roll(state, state, 10, np.array([-0.1]))
    np.testing.assert_allclose(1.0 + 0.1 * np.arange(1, 11), rolled[:, LEVEL])
    longer = roller.roll(state, state, 12, np.array([-0.1]))  # step by step
    np.testing.assert_allclose(rolled, longer[:10])


def test_a_law_without_loads_needs_none():
    plain = Law(
        *(getattr(law(), name) for name in ("mean", "scale", "low", "high", "terms", "ties", "moving", "tied", "bits"))
    )
    watch = Loads(Roller(plain), [VALVE])
    feed(watch, rows([0.1] * 5))
    assert 0 == len(watch.now)
