import json

from icsguard.control.replies import FailureCode
from icsguard.control.requests import Explain
from icsguard.evidence.record_json import record_line


def test_the_newest_record_is_explained_where_none_is_named(gateway, icsguard):
    ended = icsguard("explain")
    assert 0 == ended.code
    assert "write holding register 12" in ended.out
    assert [Explain(id="last")] == gateway.asked


def test_json_has_the_whole_record(gateway, icsguard):
    data = json.loads(icsguard("explain", "r5f3a-000012", "--json").out)
    assert ["r5f3a-000012", "T0836"] == [data["record"]["id"], data["record"]["technique"]]


def test_an_unknown_record_is_one_line_with_the_way_on(gateway, failing, icsguard):
    failing("Explain", FailureCode.UNKNOWN, "there is no record x", "icsguard records")
    ended = icsguard("explain", "x")
    assert 1 == ended.code
    assert "try: icsguard records" in ended.err


def test_a_record_is_explained_from_the_recorders_file_without_a_gateway(no_gateway, record, icsguard, tmp_path):
    file = tmp_path / "records.jsonl"
    file.write_bytes(record_line(record, record.at, "edge1"))
    assert icsguard("explain", record.id, "--file", file).out.startswith("r5f3a-000012")


def test_hostile_text_of_a_record_cannot_act_on_the_terminal(gateway, answers, record, icsguard, hostile):
    import dataclasses

    import msgspec

    nasty = dataclasses.replace(record, text=hostile, target=hostile, facts={"name": hostile})
    answers["Explain"] = msgspec.structs.replace(answers["Explain"], record=nasty)
    for ended in (icsguard("explain"), icsguard("explain", "--json")):
        assert not {"\x1b", "\r", "\x9b", "\u202e"} & set(ended.out)
