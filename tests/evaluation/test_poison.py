"""Attacked hours lie where they are said to lie, and the table says what they cost."""

import pytest

from icsguard.evaluation import poison as poisoning
from icsguard.evaluation.metrics import Tally
from icsguard.evaluation.poison import HOUR_POLLS, Variant, poison, table
from icsguard.evaluation.tables import as_text
from icsguard.lab.plants.site import START


@pytest.fixture
def attacked(bench, monkeypatch):
    monkeypatch.setattr(poisoning, "FIRST", 1)
    monkeypatch.setattr(poisoning, "SHARE", 0.4)
    return poison(bench, 900)


def test_only_the_chosen_hours_differ_from_the_clean_recording(bench, attacked):
    recording, hours = attacked
    assert 2 == len(hours)
    assert 0 not in hours
    assert len(bench.recording) == len(recording)
    differ = {
        (one.request_at - START) // (HOUR_POLLS * 20_000_000_000)
        for one, other in zip(recording, bench.recording, strict=True)
        if one.response != other.response
    }
    assert set(hours) == differ


def test_the_table_says_what_attacks_in_the_teaching_data_cost():
    variants = [
        Variant("clean data", Tally(100, 95), 0.0, 2.0, 0, 0, 0),
        Variant("attacked data", Tally(100, 30), 0.0, 3.0, 7, 0, 0),
        Variant("attacked data, trimmed", Tally(100, 94), 0.1, 2.1, 7, 9, 8),
    ]
    made = table({"water": variants})
    assert [0.95, 0.3, 0.94] == [row["recall"] for row in made.rows]
    assert "water: 1.0 points of recall lost with trims" in as_text(made)
