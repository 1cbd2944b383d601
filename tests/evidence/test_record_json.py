import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsguard.core.record import Record, RecordKind, Severity
from icsguard.evidence.record_json import ALWAYS, MAX_LINE, parse_line, record_line


def test_a_record_read_again_is_the_record(full_record):
    parsed = parse_line(record_line(full_record, 1_763_638_810_123_456_789, "edge1", 7))
    assert parsed is not None
    assert full_record == parsed.record
    assert (7, 1_763_638_810_123_456_000, "edge1", False) == (parsed.seq, parsed.wall_ns, parsed.host, parsed.cut)


def test_the_line_says_names_where_the_noun_has_numbers(full_record):
    line = json.loads(record_line(full_record, 0, "edge1"))
    assert "refuse" == line["reasons"][0]["decision"]
    assert "refuse" == line["findings"][0]["decision"]


def test_fields_that_do_not_apply_are_left_out_and_zero_is_a_value_where_it_is_one(full_record):
    line = json.loads(record_line(full_record, 0, "edge1"))
    assert 0 == line["unit"]
    assert 0 == line["facts"]["zero"]
    assert not {"ticket", "latency_us", "flow", "mode", "cut"} & line.keys()


def test_the_least_record_still_has_every_promised_field():
    line = json.loads(record_line(Record("x", RecordKind.GAP, 0, Severity.INFO, ""), 0, ""))
    assert set(ALWAYS) == line.keys()


def test_hostile_text_neither_ends_the_line_nor_leaves_ascii(hostile_record):
    line = record_line(hostile_record, 2**80, hostile_record.text)
    assert 1 == line.count(b"\n")
    assert line.isascii()
    assert not any(byte < 0x20 or byte == 0x7F for byte in line[:-1])
    assert len(line) <= MAX_LINE + 1
    assert True is json.loads(line)["cut"]


def test_escapes_lose_nothing():
    text = "Füllstand \u202e \x9b \U0001f600 \\u0041"
    record = Record("x", RecordKind.VERDICT, 0, Severity.LOW, text)
    parsed = parse_line(record_line(record, 0, "h"))
    assert parsed is not None
    assert text == parsed.record.text


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"x"',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"schema":"icsguard.record/2"}',
        b'{"schema":"icsguard.record/1"}',
        b'{"schema":"icsguard.record/1","id":1,"time":2,"at_ns":3,"kind":4,"severity":5,"text":6}',
        b'{"schema":"icsguard.record/1","at_ns":3,"reasons":[{"decision":"nonsense"}]}',
        b'{"schema":"icsguard.record/1","at_ns":3,"reasons":[{}]}',
        b'{"schema":"icsguard.record/1","at_ns":3,"findings":[1]}',
    ],
)
def test_what_is_no_line_of_ours_is_none(line):
    assert parse_line(line) is None


@given(st.text(alphabet=st.characters(), max_size=50), st.dictionaries(st.text(max_size=5), st.floats(), max_size=5))
def test_any_text_and_number_gives_one_readable_line(text, facts):
    line = record_line(Record(text, RecordKind.VERDICT, 1, Severity.LOW, text, client=text, facts=dict(facts)), 0, text)
    assert 1 == line.count(b"\n")
    assert parse_line(line) is not None


@given(st.binary(max_size=60))
def test_any_bytes_are_a_line_or_none(data):
    assert parse_line(data) is None
