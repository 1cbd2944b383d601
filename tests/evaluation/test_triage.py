"""Alarms are collected with their kind, and every plant is named by what the others taught."""

import numpy as np
import pytest

from icsguard.detect.triage import CLASSES, FEATURES
from icsguard.evaluation.triage import CLASS_OF, Examples, _Collecting, left_out


def examples(seed, *, flip=False):
    noise = np.random.default_rng(seed)
    labels = noise.integers(0, len(CLASSES), 80)
    rows = noise.normal(size=(80, len(FEATURES)))
    rows[:, 0] = (3 - labels if flip else labels) + 0.1 * noise.normal(size=80)
    return Examples(rows, labels)


def test_what_the_other_plants_teach_names_the_alarms_of_one():
    table = left_out({"a": examples(1), "b": examples(2), "c": examples(3)})
    assert ["a", "b", "c", "all"] == [row["plant"] for row in table.rows]
    assert all(row["forest"] > 0.9 for row in table.rows)
    assert table.rows[-1]["alarms"] == 240
    assert 0 < table.rows[-1]["surely named"] <= 1


def test_a_plant_that_behaves_otherwise_is_named_badly():
    table = left_out({"a": examples(1), "b": examples(2), "odd": examples(3, flip=True)})
    assert table.rows[2]["forest"] < 0.6


@pytest.mark.slow
def test_alarms_of_every_kind_are_collected(bench):
    found = _Collecting(bench).run(2)
    assert found.rows.shape == (len(found.labels), len(FEATURES))
    assert len(found.labels) <= 2 * len(CLASS_OF)
    assert np.isfinite(found.rows).all()
