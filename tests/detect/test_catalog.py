import re
import tomllib

import pytest

from icsguard.detect.catalog import KINDS, kind


@pytest.mark.parametrize("code", sorted(KINDS))
def test_each_code_names_a_technique_and_a_harmless_cause(code):
    assert re.fullmatch(r"T0\d{3}", kind(code).technique)
    assert kind(code).harmless


def test_an_unknown_code_claims_nothing():
    assert kind("never-heard-of").technique == ""


def test_techniques_are_those_of_the_shipped_table(repo):
    table = repo / "rules" / "attack-ics.toml"
    known = table.read_text(encoding="utf-8")
    assert tomllib.loads(known)
    assert [one.technique for one in KINDS.values() if one.technique not in known] == []


def test_operators_are_told_what_each_code_says_and_what_to_look_at(repo):
    page = (repo / "docs" / "operator" / "alarms.md").read_text(encoding="utf-8")
    rows = "\n".join(line.split("|")[1] for line in page.splitlines() if line.startswith("| `"))
    assert sorted(KINDS) == sorted(re.findall(r"`([a-z-]+)`", rows))
