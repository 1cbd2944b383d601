"""Transactions, questions and opinions survive the way between processes; outcomes are told apart."""

import msgspec

from icsguard.core.decision import Decision
from icsguard.core.transaction import Opinion, Outcome, Question, Transaction

TRANSACTION = Transaction(1, "plc1", 2, "10.0.0.21", 10, 20, b"\0\1\0\0\0\2\x11\7", b"", 0, Outcome.ANSWERED)


def test_a_transaction_survives_msgpack_with_its_raw_bytes():
    assert TRANSACTION == msgspec.msgpack.decode(msgspec.msgpack.encode(TRANSACTION), type=Transaction)


def test_question_and_opinion_survive_msgpack():
    question = Question(1, "plc1", 2, "10.0.0.21", 10, b"\0")
    opinion = Opinion(1, Decision.HOLD, (), "0123456789ab")
    assert question == msgspec.msgpack.decode(msgspec.msgpack.encode(question), type=Question)
    assert opinion == msgspec.msgpack.decode(msgspec.msgpack.encode(opinion), type=Opinion)


def test_a_timed_out_read_and_a_write_of_unknown_outcome_are_two_things():
    assert Outcome.TIMED_OUT != Outcome.UNKNOWN
    assert len(Outcome) == 9
