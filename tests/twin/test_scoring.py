import numpy as np

from icsguard.twin.dynamics import step
from icsguard.twin.scoring import ROWS_PER_WEIGHT, ahead_of, matrices, predict, spatial_weights


def _no_neighbours(size):
    return np.zeros((1, size, size)), np.zeros((1, size))


def test_the_temporal_prediction_is_one_step_of_the_law(law, aligned):
    parts = matrices(law, *_no_neighbours(5))
    free = [i for i in law.moving if i not in law.tied]
    for at in range(100, 140):
        row, state, previous = ((aligned[at - back] - law.mean) / law.scale for back in (0, 1, 2))
        temporal, _ = predict(parts, row[None], state[None], previous[None])
        moved = step(law, aligned[at - 1][None], aligned[at - 2][None])[0]
        expected = temporal[0] * law.scale + law.mean
        inside = [i for i in free if law.low[i] < moved[i] < law.high[i]]
        np.testing.assert_allclose(moved[inside], expected[inside], atol=1e-9)


def test_tied_points_are_predicted_from_the_same_row(law, aligned):
    parts = matrices(law, *_no_neighbours(5))
    row = (aligned[200] - law.mean) / law.scale
    for target in law.tied:
        temporal, _ = predict(parts, row[None], 0 * row[None], 0 * row[None])
        by_hand = sum(
            t.weight * (1 if t.point < 0 else row[t.point] ** t.power) for t in law.ties if t.target == target
        )
        np.testing.assert_allclose(by_hand, temporal[0, target])


def test_ridge_by_one_inverse_is_ridge_column_by_column():
    rows = np.random.default_rng(3).normal(size=(500, 4)) @ np.random.default_rng(4).normal(size=(4, 4))
    gram = rows.T @ rows
    weights = spatial_weights(gram, 500)
    ridge = 10.0 / 6000 * 500
    for column in range(4):
        others = [i for i in range(4) if i != column]
        expected = np.linalg.solve(gram[np.ix_(others, others)] + ridge * np.eye(3), gram[others, column])
        np.testing.assert_allclose(expected, weights[others, column], rtol=1e-8)
    assert (np.diag(weights) == 0).all()


def _second_order(rows):
    """Two points: one swings by its own two last values, the other follows it a step later."""
    noise, made = np.random.default_rng(5), np.zeros((rows, 2))
    for at in range(2, rows):
        swing = 1.6 * made[at - 1, 0] - 0.8 * made[at - 2, 0] + noise.normal()
        made[at] = swing, 0.5 * made[at - 1, 0] + noise.normal()
    return made


def test_with_enough_rows_the_step_ahead_is_a_regression_on_two_rows():
    run = _second_order(4000)
    found = ahead_of([run[:2500], run[2500:]])
    np.testing.assert_allclose([1.6, 0.5], found.of_state[0], atol=0.05)
    np.testing.assert_allclose([-0.8, 0.0], found.of_past[0], atol=0.05)


def test_few_rows_leave_the_step_ahead_to_the_law():
    assert ahead_of([_second_order(ROWS_PER_WEIGHT * 5)]) is None
    assert ahead_of([]) is None


def test_the_step_ahead_stands_for_the_law(law, aligned):
    standard = (aligned - law.mean) / law.scale
    found = ahead_of([standard])
    parts = matrices(law, *_no_neighbours(5), found)
    temporal, _ = predict(parts, standard[7][None], standard[6][None], standard[5][None])
    expected = standard[6] @ found.of_state + standard[5] @ found.of_past + found.bias
    np.testing.assert_allclose(expected, temporal[0], atol=1e-12)
