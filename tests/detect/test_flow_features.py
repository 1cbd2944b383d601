import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsguard.core.clock import MS, SECOND
from icsguard.core.transaction import Outcome, Transaction
from icsguard.detect.flow_features import FEATURES, MAX_WINDOW, FlowWindow, features, symbol
from icsguard.protocols.modbus import build


def _done(pdu, at, outcome=Outcome.ANSWERED):
    return Transaction(1, "c", 1, "a", at, at + 2 * MS, build.adu(1, 1, pdu), b"\0" * 20, 0, outcome)


def _numbers(*transactions, known=frozenset()):
    window = FlowWindow(0)
    for one in transactions:
        window.add(one)
    return dict(zip(FEATURES, features(window, 5 * SECOND, known), strict=True))


def test_there_are_thirty_two_of_them():
    assert len(FEATURES) == len(set(FEATURES)) == 32
    assert len(features(FlowWindow(0), SECOND, ())) == 32


def test_a_regular_poll_is_told_by_its_rhythm():
    found = _numbers(*(_done(build.read(3, 0, 125), at * 100 * MS) for at in range(50)))
    assert found["share_fc_3"] == found["quantity"] == 1.0
    assert found["gap_variation"] == pytest.approx(0.0)
    assert found["gap_mean"] == pytest.approx(math.log(100.1))
    assert found["answer_p50"] == pytest.approx(math.log(2.1))
    assert found["rate"] == pytest.approx(math.log1p(10))
    assert found["symbol_entropy"] == 0.0


def test_failures_and_novelty_are_shares():
    known = _done(build.read(3, 0, 1), 0)
    found = _numbers(
        known,
        _done(build.read(3, 9, 1), SECOND, Outcome.EXCEPTION),
        _done(build.write_register(1, 1), SECOND, Outcome.REFUSED),
        _done(build.write_register(1, 2), SECOND, Outcome.TIMED_OUT),
        known=frozenset({symbol(known.request)}),
    )
    assert found["share_exceptions"] == found["share_refused"] == found["share_unanswered"] == 0.25
    assert found["share_new_symbols"] == 0.75
    assert found["share_writes"] == 0.5


def test_a_written_value_makes_no_other_symbol():
    assert symbol(build.adu(1, 1, build.write_register(5, 1))) == symbol(build.adu(9, 1, build.write_register(5, 2)))
    assert symbol(build.adu(1, 1, build.read(3, 5, 1))) != symbol(build.adu(1, 1, build.read(3, 5, 2)))


def test_a_flood_fills_a_window_and_is_told_by_its_rate():
    window = FlowWindow(0)
    for at in range(2 * MAX_WINDOW):
        window.add(_done(build.read(3, 0, 1), at))
    assert len(window.items) == MAX_WINDOW
    assert features(window, SECOND, ())[0] == pytest.approx(math.log1p(2 * MAX_WINDOW))


@given(st.lists(st.tuples(st.binary(max_size=30), st.integers(0, SECOND), st.sampled_from(list(Outcome))), max_size=20))
def test_any_bytes_have_finite_features(items):
    window = FlowWindow(0)
    for raw, at, outcome in items:
        window.add(Transaction(1, "c", 1, "a", at, at, raw, b"", 0, outcome))
    assert all(math.isfinite(one) for one in features(window, SECOND, ()))
