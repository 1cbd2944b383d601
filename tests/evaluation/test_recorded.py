import numpy as np
import pytest

from icsguard.detect.calibration import BLOCK_NS
from icsguard.evaluation import loaded, recorded
from icsguard.evaluation.loaded import Recording
from icsguard.evaluation.recorded import Study
from icsguard.twin.traffic import event


def _made(rows, attacked=()):
    """Two tanks in a row, a pump and a flow; attacked rows lie about the second tank."""
    noise = np.random.default_rng(rows)
    phase = np.arange(rows) / 40
    flow = 5 + np.sin(phase) + 0.3 * np.sin(phase * 2.7)
    level = 2 + 0.3 * np.sin(phase - 0.5)
    values = np.column_stack([flow, 2 * flow + 1, level, 4 - level]) + 0.01 * noise.normal(size=(rows, 4))
    label = np.zeros(rows, dtype=bool)
    for first, last in attacked:
        values[first:last, 3] += 0.3
        label[first:last] = True
    return Recording("made", ("flow", "power", "level", "rest"), values.round(3), label)


@pytest.fixture(scope="module")
def result():
    study = Study("made", "Made", _made(1_500), (_made(800, ((300, 340), (500, 560))),), 60.0, 500.0, recovery=10)
    return recorded.evaluate(study)


def test_a_plain_lie_is_found_at_once_and_baselines_stand_beside(result):
    table, _ = result
    own = next(row for row in table.rows if row["score"] == "icsguard")
    assert "2/2" == own["events"]
    assert own["AUC"] > 0.9
    assert ["icsguard", "random", "min-max", "PCA"] == [row["score"] for row in table.rows]


def test_the_table_says_what_the_threshold_stands_on(result):
    assert "Fitted and calibrated on made only" in result[0].notes[0]


def test_the_trace_has_a_score_for_every_row(result):
    (trace,) = result[1]
    assert 800 == len(trace.score)
    assert ((300, 340), (500, 560)) == trace.attacks


def test_rows_become_reads_that_carry_them():
    values = np.array([[1.5, -2.25], [3.0, 4.0]])
    made = list(recorded.transactions(values, "x"))
    (seen,) = event(made[1]).reads
    assert 4 == len(seen.values)
    assert BLOCK_NS == made[1].request_at - made[0].request_at


def test_too_few_normal_rows_give_no_false_alarm_rate():
    attacked = _made(300, ((0, 300),))
    study = Study("made", "Made", _made(1_500), (attacked,), 60.0, 500.0)
    row = recorded._row(study, attacked, "x", np.zeros(300))
    assert row["a day"] is None
    assert row["S"] is None


def test_recordings_are_laid_end_to_end():
    whole = recorded.joined("both", [_made(50), _made(70)])
    assert (120, 120) == (len(whole.values), len(whole.label))


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_the_seven_attacks_on_a_water_network_are_found(recorded_data, monkeypatch):
    monkeypatch.setenv(loaded.VARIABLE, str(recorded_data))
    table, _ = recorded.evaluate(recorded.batadal())
    rows = {row["score"]: row for row in table.rows}
    assert "7/7" == rows["icsguard"]["events"]
    assert rows["icsguard"]["S"] > max(rows[name]["S"] for name in ("random", "min-max", "PCA"))
    assert rows["icsguard"]["a day"] <= 0.1
