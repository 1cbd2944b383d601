import dataclasses
import json

import msgspec
import pytest

from icsguard.control.requests import GetRecords
from icsguard.core.record import RecordKind


def test_records_are_listed_one_line_each(gateway, icsguard):
    ended = icsguard("records", "-n", "5", "--kind", "verdict", "--client", "10.0.0.66")
    for expected in (
        "r5f3a-000012",
        "high",
        "14",
        "10.0.0.66",
        "refuse",
        "T0836",
        "The write to pump_speed was refused.",
    ):
        assert expected in ended.out
    assert [GetRecords(last=5, kind=RecordKind.VERDICT, client="10.0.0.66")] == gateway.asked


def test_what_would_have_been_stands_beside_what_was(gateway, answers, record, icsguard):
    observed = dataclasses.replace(record, decision="allow", would_be="refuse")
    answers["GetRecords"] = msgspec.structs.replace(answers["GetRecords"], records=(observed,))
    assert "allow (would refuse)" in icsguard("records").out


@pytest.mark.parametrize("count", ["0", "1001", "many"])
def test_a_number_out_of_bounds_is_a_usage_error(gateway, icsguard, count):
    assert 2 == icsguard("records", "-n", count).code


def test_json_has_the_records(gateway, icsguard):
    assert 1 == len(json.loads(icsguard("records", "--json").out)["records"])


def test_nothing_is_a_note(gateway, answers, icsguard):
    answers["GetRecords"] = msgspec.structs.replace(answers["GetRecords"], records=())
    assert "no records match" in icsguard("records").err


def test_a_narrow_terminal_gets_two_lines_a_record_and_ids_in_one_piece(gateway, icsguard, monkeypatch):
    monkeypatch.setattr("icsguard.cli.show.width", lambda: 80)
    lines = icsguard("records").out.splitlines()
    assert 2 == len(lines)
    assert lines[0].startswith("r5f3a-000012  ")
    assert "  The write to pump_speed was refused." == lines[1]
