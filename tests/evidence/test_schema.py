"""The schema in docs/reference is generated, and says of a line what a line is."""

import json
import re
import runpy
from pathlib import Path

import pytest

from icsguard.core.record import Record, RecordKind, Severity
from icsguard.evidence import schema as module
from icsguard.evidence.record_json import record_line
from icsguard.evidence.schema import _part, schema, text

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"


def faults(rule: dict, value: object, nouns: dict, where: str = "line") -> list[str]:  # noqa: C901 - one clause per keyword
    """Check a value against the part of JSON Schema that our schema uses."""
    if "$ref" in rule:
        rule = nouns[rule["$ref"].rsplit("/", 1)[1]]
    if "anyOf" in rule:
        return [] if any(not faults(way, value, nouns) for way in rule["anyOf"]) else [f"{where}: no way fits"]
    found = []
    kinds = {"string": str, "integer": int, "number": (int, float), "object": dict, "array": list, "null": type(None)}
    if "type" in rule and not isinstance(value, kinds[rule["type"]]):
        return [f"{where}: {value!r} is no {rule['type']}"]
    if ("const" in rule and value != rule["const"]) or ("enum" in rule and value not in rule["enum"]):
        found.append(f"{where}: {value!r} is not allowed")
    if "pattern" in rule and not re.search(rule["pattern"], value):
        found.append(f"{where}: {value!r} does not match")
    if isinstance(value, dict):
        known, others = rule.get("properties", {}), rule.get("additionalProperties", True)
        found += [f"{where}: {name} is missing" for name in rule.get("required", []) if name not in value]
        for name, part in value.items():
            inner = known.get(name, others)
            if inner is False:
                found.append(f"{where}: {name} is unknown")
            elif isinstance(inner, dict):
                found += faults(inner, part, nouns, f"{where}.{name}")
    if isinstance(value, list) and isinstance(rule.get("items"), dict):
        for part in value:
            found += faults(rule["items"], part, nouns, f"{where}[]")
    return found


def check(line: dict) -> list[str]:
    rule = schema()
    return faults(rule, line, rule["$defs"])


def test_the_file_in_the_reference_is_what_the_code_says():
    assert text() == (REFERENCE / "records.schema.json").read_text(), (
        "run: python -m icsguard.evidence.schema > docs/reference/records.schema.json"
    )


def test_every_field_of_a_line_is_in_the_written_reference():
    words = (REFERENCE / "records.md").read_text()
    nouns = schema()["$defs"]
    names = {*schema()["properties"], *nouns["Reason"]["properties"], *nouns["Finding"]["properties"]}
    assert [] == sorted(name for name in names if f"`{name}`" not in words)
    assert [] == sorted(kind for kind in RecordKind if f"`{kind}`" not in words)


def test_a_full_line_a_hostile_line_and_the_least_line_obey_the_schema(full_record, hostile_record):
    least = Record("x", RecordKind.GAP, 0, Severity.INFO, "")
    for record in (full_record, hostile_record, least):
        assert [] == check(json.loads(record_line(record, 1, "h")))


@pytest.mark.parametrize(
    "change",
    [{"kind": "nonsense"}, {"time": "yesterday"}, {"seq": "1"}, {"foreign": 1}, {"reasons": [{"layer": "policy"}]}],
)
def test_a_wrong_line_does_not_obey_it(full_record, change):
    assert [] != check({**json.loads(record_line(full_record, 1, "h")), **change})


def test_a_line_without_a_promised_field_does_not_obey_it(full_record):
    line = json.loads(record_line(full_record, 1, "h"))
    del line["time"]
    assert ["line: time is missing"] == check(line)


def test_running_the_module_prints_the_schema(capsys):
    runpy.run_path(module.__file__, run_name="__main__")
    assert text() == capsys.readouterr().out


def test_a_noun_that_can_not_be_described_is_our_bug_and_raises():
    with pytest.raises(TypeError, match="without properties"):
        _part({"properties": []}, "properties")
