"""The duel is fair: same rows, same rule of thresholds, and the GRU is used only where it wins."""

import numpy as np
import pytest

from icsguard.evaluation.challenger import NAME, Duel, GruScore, table, with_gru
from icsguard.evaluation.metrics import Tally
from icsguard.learn import sequence


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(sequence, "STEPS", 30)
    train = sequence.train
    monkeypatch.setattr("icsguard.evaluation.challenger.train", lambda *args, seed: train(*args, seed=seed, steps=30))


def test_rows_that_break_the_plants_motion_score_high(quick):
    noise = np.random.default_rng(1)
    wave = np.sin(np.arange(1200) / 15)
    drive = np.column_stack([wave, np.roll(wave, 4)]) + 0.01 * noise.normal(size=(1200, 2))
    rows = np.column_stack([drive, (np.arange(1200) // 200) % 2])
    one = GruScore([2], 1)
    one.fit(rows[:900])
    clean = one.score(rows[900:])
    broken = rows[900:].copy()
    broken[120:, 0] += 1.5
    assert len(clean) == 300
    assert one.score(broken)[120] > 3 * clean.max()


def test_it_takes_the_place_of_the_blind_baselines(bench, quick):
    ((one, limit),) = with_gru(bench, 1).baselines
    assert (NAME, True) == (one.name, limit > 0)


@pytest.mark.parametrize(
    ("hits", "a_day", "expected"), [(98, 0.5, "GRU"), (92, 0.5, "linear twin"), (98, 1.5, "linear twin")]
)
def test_it_is_used_only_where_it_finds_more_at_equal_false_alarms(hits, a_day, expected):
    duel = Duel("water", Tally(100, 90), Tally(100, hits), 0.3, a_day)
    assert expected == duel.row()["used"]
    assert f"on {int(expected == 'GRU')} of 1 plants" in table([duel]).notes[0]
