import pytest

from bench.opcua.measure import UaRow
from bench.opcua.table import ratio, targets, written


def row(number, contender, cpu, security="None", errors=0, problem=""):
    return UaRow(number, contender, security, 1000.0, cpu, 500.0, 900.0, errors, problem)


ROWS = [
    row(0, "relay", 10.0),
    row(0, "passthrough", 14.0),
    row(1, "relay", 20.0),
    row(1, "passthrough", 32.0),
    row(2, "relay", 10.0),
    row(2, "passthrough", 99.0, errors=1, problem="it fell over"),
]


def test_a_contender_is_held_against_the_relay_of_its_own_round():
    found = ratio(ROWS, "None", "passthrough")
    assert (1.4, 1.6, 2) == (pytest.approx(found.low), pytest.approx(found.high), found.rounds)


def test_a_row_with_errors_has_no_ratio_and_says_why():
    assert None is ratio(ROWS[4:], "None", "passthrough")
    assert "round 3: it fell over" in written(ROWS)


def test_the_goals_are_told_with_what_was_measured():
    clear, secured = targets(ROWS)
    assert ("must", 1.6) == (clear.verdict, clear.must)
    assert secured.verdict.startswith("not measured")
