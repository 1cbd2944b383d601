import pytest

from icsguard.core.meaning import Table
from icsguard.core.transaction import Outcome, Transaction
from icsguard.protocols.modbus import build
from icsguard.twin.traffic import event, is_write, request_of


def _done(pdu, answer, outcome=Outcome.ANSWERED):
    response = build.adu(1, 1, answer) if answer else b""
    return Transaction(1, "c", 1, "10.0.0.1", 1, 2, build.adu(1, 1, pdu), response, 0, outcome)


def test_a_read_shows_what_was_read():
    one = event(_done(build.read(3, 5, 2), b"\x03\x04\x00\x01\x00\x02"))
    assert [(Table.HOLDING, 5, (1, 2))] == [tuple(seen) for seen in one.reads]
    assert one.writes == ()


def test_an_acknowledged_write_is_a_write_and_no_read():
    one = event(_done(build.write_register(5, 9), build.write_register(5, 9)))
    assert [(Table.HOLDING, 5, (9,))] == [(c.table, c.start, c.values) for c in one.writes]
    assert one.reads == ()


def test_read_and_write_in_one_is_both():
    one = event(_done(build.read_write(0, 1, 5, (9,)), b"\x17\x02\x00\x07"))
    assert len(one.writes) == 1
    assert [(Table.HOLDING, 0, (7,))] == [tuple(seen) for seen in one.reads]


@pytest.mark.parametrize(
    ("answer", "outcome"), [(b"", Outcome.UNKNOWN), (b"\x86\x04", Outcome.EXCEPTION), (b"\x06\x00", Outcome.ANSWERED)]
)
def test_a_write_without_a_valid_answer_may_have_happened(answer, outcome):
    one = event(_done(build.write_register(5, 9), answer, outcome))
    assert one.writes == ()
    assert len(one.unknown) == 1


@pytest.mark.parametrize("outcome", [Outcome.REFUSED, Outcome.UNREACHABLE, Outcome.DROPPED])
def test_what_the_device_never_saw_changes_nothing(outcome):
    one = event(_done(build.write_register(5, 9), b"", outcome))
    assert one.writes == one.unknown == one.reads == ()


def test_a_broadcast_is_taken_as_done():
    assert len(event(_done(build.write_register(5, 9), b"", Outcome.NO_ANSWER_DUE)).writes) == 1


@pytest.mark.parametrize("raw", [b"", b"\0" * 6, b"\0" * 7, b"\0" * 8, bytes(300)])
def test_any_bytes_are_parsed(raw):
    assert not is_write(request_of(raw))
    event(Transaction(1, "c", 1, "10.0.0.1", 1, 2, raw, raw, 0, Outcome.ANSWERED))
