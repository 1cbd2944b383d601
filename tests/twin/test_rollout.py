import numpy as np

from icsguard.twin.dynamics import step
from icsguard.twin.rollout import MAX_FOLDED, Roller


def test_a_roll_out_is_step_after_step_of_the_law(law, aligned):
    roller = Roller(law)
    for start in (10, 120, 333):
        state, previous = aligned[start], aligned[start - 1]
        rolled = roller.roll(state, previous, 30)
        for row in rolled:
            state, previous = step(law, state[None], previous[None])[0], state
            np.testing.assert_allclose(state, row, atol=1e-9)


def test_a_roll_out_changes_nothing(law, aligned):
    state, previous = aligned[50].copy(), aligned[49].copy()
    Roller(law).roll(state, previous, 20)
    np.testing.assert_array_equal(aligned[50], state)
    np.testing.assert_array_equal(aligned[49], previous)


def test_the_kept_matrices_stay_within_their_bound(tank):
    roller = Roller(tank.model().law())
    for value in range(3 * MAX_FOLDED):
        roller.roll(np.array([1.0, float(value)]), np.array([1.0, 0.0]), 1)
    assert len(roller._matrices) <= MAX_FOLDED
