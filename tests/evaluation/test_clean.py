import pytest

from icsguard.evaluation import clean
from icsguard.evaluation.clean import Clean


def test_normal_operation_is_counted_in_days(bench):
    found = clean.measure(bench, 400)
    assert 400 * 20 / 86_400 == pytest.approx(found.days)
    assert found.writes > 0
    assert found.held >= found.right
    assert {"random", "min-max", "PCA"} == set(found.baselines)
    assert not found.has_guarantee


def test_only_statistics_have_a_promised_rate():
    found = Clean(2.0, promised=1.0)
    found.findings.update({"implausible": 3, "frozen": 2, "unusual-flow": 1})
    row = found.row("water")
    assert (4, 2.0, 2) == (row["false alarms"], row["a day"], row["exact findings"])


def test_the_realised_rate_stands_beside_the_expected_one():
    found = Clean(10.0, promised=1.0, expected=0.4, has_guarantee=True, hours=240, suspended=3)
    found.findings.update({"implausible": 8, "first-write": 5})
    row = found.row("water")
    assert (2.0, 0.8, 0) == (row["realised / expected"], row["realised / promised"], row["exact findings"])
    assert "0.35-1.58" == row["95 % interval"]
    assert "0.86-3.94" == row["95 % interval of that"]
    assert "3 of 240" == row["hours suspended"]


def test_a_hold_is_wrong_where_the_write_would_have_done_no_harm():
    found = Clean(7.0, held=5, right=2)
    assert 3.0 == found.holds_a_week
    assert 3 == found.row("water")["of these wrongly"]
