import numpy as np
import pytest

from icsguard.twin.dynamics import Feature, Law, Term, Tie, step
from icsguard.twin.rollout import MAX_FOLDED, Roller


def test_a_roll_out_is_step_after_step_of_the_law(law, aligned):
    roller = Roller(law)
    for start in (10, 120, 333):
        state, previous = aligned[start], aligned[start - 1]
        rolled = roller.roll(state, previous, 30)
        for row in rolled:
            state, previous = step(law, state[None], previous[None])[0], state
            np.testing.assert_allclose(state, row, atol=1e-9)


def _pair(*, high, ties=()):
    """A point that rises by a tenth of its command, and one that follows it."""
    terms = (Term(0, Feature(2), 0.1), Term(0, Feature(0, change=True), 0.2))
    arrays = [np.array(one, dtype=float) for one in ((0, 0, 0), (1, 1, 1), (-9, -9, -9), (high, 9, 9))]
    return Law(*arrays, terms, ties, *(np.array(one, dtype=np.intp) for one in ((0, 1), (1,), ())))


@pytest.mark.parametrize("ties", [(Tie(1, 0, 1, 0.5),), (Tie(1, 0, 1, 0.5), Tie(1, 0, 2, 0.25))])
@pytest.mark.parametrize("high", [9.0, 2.0, 0.6])
def test_limits_and_curves_on_the_way_are_those_of_the_law(ties, high):
    law = _pair(high=high, ties=ties)
    state, previous = np.array([0.5, 0.3, 1.0]), np.array([0.45, 0.3, 1.0])
    rolled = Roller(law).roll(state, previous, 60)
    for row in rolled:
        state, previous = step(law, state[None], previous[None])[0], state
        np.testing.assert_allclose(state, row, atol=1e-9)
    assert rolled[:, 0].max() <= high


def test_more_steps_than_usual_are_rolled_out_too(law, aligned):
    state, previous = aligned[50], aligned[49]
    np.testing.assert_allclose(
        Roller(law, 60).roll(state, previous, 40), Roller(law, 10).roll(state, previous, 40), atol=1e-9
    )


def test_a_roll_out_changes_nothing(law, aligned):
    state, previous = aligned[50].copy(), aligned[49].copy()
    Roller(law).roll(state, previous, 20)
    np.testing.assert_array_equal(aligned[50], state)
    np.testing.assert_array_equal(aligned[49], previous)


def test_the_kept_kept_stay_within_their_bound(tank):
    roller = Roller(tank.model().law())
    for value in range(3 * MAX_FOLDED):
        roller.roll(np.array([1.0, float(value)]), np.array([1.0, 0.0]), 1)
    assert len(roller._kept) <= MAX_FOLDED
