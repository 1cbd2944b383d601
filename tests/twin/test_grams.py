"""Statistics add up and can be taken out again, and a ridge made of what is left is the ridge of what is left."""

import numpy as np
import pytest

from icsguard.twin.grams import Gram, distance, errors, gram_of, neighbours, nothing


@pytest.fixture
def rows():
    noise = np.random.default_rng(1)
    base = noise.normal(size=(600, 3))
    return np.column_stack([base, base @ [1.0, -2.0, 0.5] + 0.1 * noise.normal(size=600)])


def test_what_was_added_can_be_taken_out_exactly(rows):
    left = gram_of(rows) - gram_of(rows[200:300])
    never = gram_of(np.vstack([rows[:200], rows[300:]]))
    assert 500 == left.rows
    assert distance(never, left) < 1e-12
    for made, expected in zip(neighbours(left), neighbours(never), strict=True):
        np.testing.assert_allclose(expected, made, atol=1e-9)


def test_neighbours_are_those_of_a_ridge_on_the_rows(rows):
    weights, biases = neighbours(gram_of(rows))
    rest = rows - (rows @ weights + biases)
    assert rest[:, 3].std() < 0.11
    np.testing.assert_allclose((rest**2).mean(axis=0), errors(gram_of(rows), weights, biases), rtol=1e-6)


def test_the_error_of_rows_that_did_not_make_the_weights_is_seen(rows):
    weights, biases = neighbours(gram_of(rows[:300]))
    wrong = rows[300:].copy()
    wrong[:, 3] += 1.0
    good, bad = (errors(gram_of(one), weights, biases)[3] for one in (rows[300:], wrong))
    assert bad > 50 * good


def test_nothing_is_the_zero_of_adding(rows):
    assert distance(gram_of(rows), nothing(4) + gram_of(rows)) == 0.0
    with pytest.raises(TypeError):
        gram_of(rows) + 1


def test_another_number_of_rows_is_as_far_as_can_be(rows):
    one = gram_of(rows)
    assert distance(one, Gram(one.rows + 1, one.table)) == 1.0
