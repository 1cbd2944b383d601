import numpy as np
import pytest

from icsguard.twin.least_squares import Rest, solve, unexplained


@pytest.fixture
def table():
    return np.random.default_rng(4).standard_normal((400, 4))


def test_weights_are_those_that_made_the_changes(table):
    weights = np.array([0.5, 0.0, -2.0, 0.0])
    np.testing.assert_allclose(weights, solve(table, table @ weights), atol=5e-3)


def test_what_is_left_is_the_noise(table):
    noise = 0.1 * np.random.default_rng(5).standard_normal(400)
    assert float(noise @ noise) == pytest.approx(unexplained(table, table @ np.ones(4) + noise), rel=0.05)


def test_features_are_found_in_the_order_of_what_they_explain(table):
    rest = Rest(table, 3.0 * table[:, 2] + table[:, 0] + 0.01 * table[:, 1])
    assert 2 == rest.best()
    rest.take(2)
    assert 0 == rest.best()
    rest.take(0)
    assert rest.best() in {None, 1}


def test_a_feature_that_was_taken_has_nothing_more_to_say(table):
    rest = Rest(table, 3.0 * table[:, 2])
    rest.take(2)
    assert rest.best() is None
    assert 0.0 == pytest.approx(float(np.abs(rest.changes).max()), abs=1e-9)


def test_a_copy_of_a_feature_that_was_taken_explains_nothing(table):
    doubled = np.column_stack([table, table[:, 2]])
    rest = Rest(doubled, table[:, 2] + table[:, 1])
    rest.take(2)
    assert 1 == rest.best()
