import json
import re

from hypothesis import given
from hypothesis import strategies as st

from icsguard.core.record import Record, RecordKind, Severity
from icsguard.evidence.syslog5424 import MAX_MESSAGE, Syslog5424, framed

# RFC 5424 §6: PRI VERSION TIMESTAMP HOSTNAME APP-NAME PROCID MSGID SD MSG, values of SD with ", \ and ] escaped.
MESSAGE = re.compile(
    rb"<(\d{1,3})>1 (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z) ([!-~]{1,255}) ([!-~]{1,48}) ([!-~]{1,128}) ([!-~]{1,32}) "
    rb'(\[icsguard@32473(?: [a-z_]{1,32}="(?:[^"\\\]]|\\["\\\]])*")*\]) (.*)\Z',
    re.DOTALL,
)


def test_a_record_becomes_a_message_that_sorts_without_parsing_its_body(full_record):
    message = Syslog5424("edge1", process="77").format(full_record, 1_763_638_810_123_456_789, 12)
    head = (
        b"<107>1 2025-11-20T11:40:10.123456Z edge1 icsguard 77 verdict "
        b'[icsguard@32473 seq="12" id="r5f3a-000012" conduit="plc1" client="10.0.0.66" decision="refuse" '
        b'target="holding 100 (40101)"] '
    )
    assert message.startswith(head)
    assert "10.0.0.66 tried to write 80.5 Hz" == json.loads(message.removeprefix(head))["text"]


def test_the_severity_of_a_record_is_that_of_the_message(full_record):
    seen = {}
    for severity in Severity:
        record = Record("x", RecordKind.GAP, 0, severity, "")
        seen[severity] = int(Syslog5424("h", facility=0).format(record, 0, 0)[1:2])
    assert {"info": 6, "low": 5, "medium": 4, "high": 3, "critical": 2} == seen


def test_hostile_text_stays_inside_its_field(hostile_record):
    formatter = Syslog5424(hostile_record.text, app="a b\nc", process="")
    message = formatter.format(hostile_record, -1, 3)
    found = MESSAGE.match(message)
    assert found is not None
    assert b"a_b_c" == found[4]
    assert b"-" == found[5]
    assert b"\\\\x0d\\\\x0a" in found[7]  # shown by code point, its backslash escaped
    assert True is json.loads(found[8])["cut"]
    assert len(message) <= MAX_MESSAGE
    assert b"\n" not in message
    assert b"\x00" not in message


def test_a_small_limit_cuts_parts_before_it_cuts_json(full_record):
    message = Syslog5424("h", max_bytes=900).format(full_record, 0, 0)
    found = MESSAGE.match(message)
    assert found is not None
    assert len(message) <= 900
    assert "r5f3a-000012" == json.loads(found[8])["id"]


def test_a_message_is_framed_by_the_count_of_its_bytes():
    assert b"5 a\xc3\xa9\nb" == framed("aé\nb".encode())


@given(st.text(alphabet=st.characters(), max_size=80))
def test_any_text_gives_a_message_of_the_grammar(text):
    record = Record(text, RecordKind.VERDICT, 1, Severity.LOW, text, client=text, target=text)
    found = MESSAGE.match(Syslog5424(text).format(record, 1, 1))
    assert found is not None
    assert isinstance(json.loads(found[8]), dict)
