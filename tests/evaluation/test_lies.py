import pytest

from icsguard.evaluation.lies import LieTrial
from icsguard.evaluation.tampering import KINDS


@pytest.fixture(scope="module")
def trial(bench):
    trial = LieTrial(bench)
    trial.run(2)
    return trial


def test_every_kind_is_tried_as_often_as_said(trial):
    assert dict.fromkeys(KINDS, 2) == {kind: tally.count for kind, tally in trial.found.items()}


def test_a_replayed_day_is_found(trial):
    assert 2 == trial.found["replay"].hits


def test_baselines_stand_beside_every_row(trial):
    rows = trial.rows_of_table()
    assert len(KINDS) == len(rows)
    assert all({"random recall", "min-max recall", "PCA recall"} <= set(row) for row in rows)


def test_areas_are_between_zero_and_one(trial):
    assert all(0 <= row["AUC"] <= 1 and 0 <= row["VUS-PR"] <= 1 for row in trial.areas())
    assert ["icsguard", "random", "min-max", "PCA"] == [row["score"] for row in trial.areas()]


def test_what_found_an_attack_first_is_kept(trial):
    assert sum(tally.hits for tally in trial.found.values()) == sum(trial.by.values())


def test_each_sized_attack_is_kept_with_its_size(trial):
    assert 6 == len(trial.smallest)
    assert all(0.03 <= share <= 0.3 for share, _ in trial.smallest)
