import numpy as np
import pytest

from icsguard.evaluation.baselines import MinMax, Pca, RandomScore, all_of, threshold


@pytest.fixture
def rows():
    noise = np.random.default_rng(1)
    hidden = noise.normal(size=(2_000, 2))
    return hidden @ noise.normal(size=(2, 5)) + 0.05 * noise.normal(size=(2_000, 5))


def test_min_max_is_zero_inside_and_grows_outside(rows):
    one = MinMax()
    one.fit(rows)
    assert 0.0 == one.score(rows).max()
    beyond = rows[:1].copy()
    beyond[0, 2] = rows[:, 2].max() + np.ptp(rows[:, 2])
    assert 1.0 == pytest.approx(one.score(beyond)[0])


def test_min_max_of_a_constant_notices_its_change():
    one = MinMax()
    one.fit(np.full((10, 1), 5.0))
    assert one.score(np.array([[5.1]]))[0] > 100


def test_pca_notices_what_breaks_the_correlation(rows):
    one = Pca()
    one.fit(rows)
    broken = rows[:50].copy()
    broken[:, 0] = rows[1000:1050, 0]
    assert one.score(broken)[-10:].mean() > 10 * one.score(rows[:50])[-10:].mean()


def test_a_random_score_looks_at_nothing(rows):
    assert (RandomScore(3).score(rows) == RandomScore(3).score(rows * 100)).all()


def test_thresholds_come_from_rows_that_did_not_fit(rows):
    one = MinMax()
    jump = np.vstack([rows[:1400], 50 * rows[1400:]])
    limit = threshold(one, jump, block_rows=3, block_ns=60_000_000_000, per_day=1.0)
    assert limit > 10
    assert one.score(rows[:1400]).max() == 0.0


def test_there_are_three_of_them():
    assert ["random", "min-max", "PCA"] == [one.name for one in all_of(1)]
