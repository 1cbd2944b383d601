"""A record survives the way to the recorder with everything in it."""

import msgspec

from icsguard.core.decision import Decision, Layer
from icsguard.core.record import MAX_HEX, Record, RecordKind, Severity
from icsguard.core.verdict import Reason


def test_a_record_survives_msgpack():
    reason = Reason(Layer.POLICY, "value-above-max", "65535 is above 100.", Decision.REFUSE, limit=100.0)
    record = Record(
        "r1-1", RecordKind.VERDICT, 5, Severity.HIGH, "refused", reasons=(reason,), facts={"n": 1, "s": "x"}
    )
    assert record == msgspec.msgpack.decode(msgspec.msgpack.encode(record), type=Record)


def test_the_longest_adu_fits_into_a_record():
    assert MAX_HEX == len(bytes(260).hex())


def test_a_record_stands_for_one_event_unless_it_says_more():
    assert Record("r1-2", RecordKind.GAP, 0, Severity.LOW, "lost").repeated == 1
