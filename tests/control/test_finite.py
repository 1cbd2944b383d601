import math
import sys

import pytest

from icsguard.control.codec import read_reply, reply_line
from icsguard.control.finite import finite
from icsguard.control.replies import Done, Explained, PartStatus, Records, Status
from icsguard.core.decision import Decision, Layer
from icsguard.core.finding import Contribution, Finding
from icsguard.core.record import Record, RecordKind, Severity

BIGGEST = sys.float_info.max


def record(number):
    finding = Finding(
        "d", Layer.TWIN, "c", "t", 1, "plc1", Decision.ALERT, score=number, threshold=number,
        contributions=(Contribution("p", number, number, number),), facts={"odd": number, "fine": 1.5},
    )  # fmt: skip
    return Record(
        "r1", RecordKind.FINDING, 1, Severity.LOW, "t", findings=(finding,), facts={"odd": number, "name": "x"}
    )


@pytest.mark.parametrize(("number", "expected"), [(math.inf, BIGGEST), (-math.inf, -BIGGEST), (math.nan, 0.0)])
def test_a_record_with_numbers_that_are_none_is_readable_all_the_same(number, expected):
    reply = read_reply(reply_line(Records(now=1, wall_shift=0, records=(record(number),))))
    read = reply.records[0]
    finding = read.findings[0]
    assert (expected, expected, {"fine": 1.5}) == (finding.score, finding.threshold, finding.facts)
    assert (expected, None, None) == (
        finding.contributions[0].share, finding.contributions[0].seen, finding.contributions[0].expected,
    )  # fmt: skip
    assert {"name": "x"} == read.facts


def test_an_explanation_and_a_status_are_readable_too():
    explained = read_reply(reply_line(Explained(record=record(math.inf), now=1, wall_shift=0)))
    assert {"name": "x"} == explained.record.facts
    part = PartStatus(role="shadow", state="up", facts={"odd": math.nan, "asks": 3})
    status = Status(
        name="n", version="1", pid=1, now=1, started=1, wall_shift=0, config="c", settings_digest="d", conduits=(),
        parts=(part,), isolations=(), tickets=0, grants=0,
    )  # fmt: skip
    assert {"asks": 3} == read_reply(reply_line(status)).parts[0].facts


def test_ordinary_numbers_stay_what_they_are():
    assert record(0.5) == finite(Records(now=1, wall_shift=0, records=(record(0.5),))).records[0]
    assert Done(text="x") == finite(Done(text="x"))
