import json

import pytest

from icsguard.control.requests import SetMode
from icsguard.core.decision import Mode


def test_the_mode_is_shown(gateway, icsguard):
    assert "plc1 is in mode observe\n" == icsguard("mode", "plc1").out
    assert {"conduit": "plc1", "mode": "observe"} == json.loads(icsguard("mode", "plc1", "--json").out)


def test_enforcing_says_first_what_it_would_have_stopped(gateway, icsguard, typing):
    typing("plc1")
    ended = icsguard("mode", "plc1", "enforce", "-r", "reviewed")
    assert "it would have stopped 3 of 216541 requests" in ended.err
    assert SetMode(conduit="plc1", mode=Mode.ENFORCE, reason="reviewed") == gateway.asked[-1]


@pytest.mark.parametrize("mode", ["learn", "observe"])
def test_leaving_enforcement_says_that_nothing_is_refused_any_more(gateway, icsguard, mode):
    ended = icsguard("mode", "plc1", mode, "-r", "x", "--yes")
    assert "nothing well-formed is refused on plc1" in ended.err


@pytest.mark.parametrize("arguments", [("plc9",), ("plc1", "bypass", "-r", "x"), ("plc1", "enforce", "--yes")])
def test_what_is_no_mode_change_is_a_usage_error(gateway, icsguard, arguments):
    assert 2 == icsguard("mode", *arguments).code
    assert not any(isinstance(request, SetMode) for request in gateway.asked)


def test_an_unknown_conduit_names_those_there_are(gateway, icsguard):
    assert "one of: plc1" in icsguard("mode", "plc9").err


def test_a_dry_run_changes_nothing(gateway, icsguard):
    assert "would do: from now on plc1 refuses" in icsguard("mode", "plc1", "enforce", "-r", "x", "--dry-run").out
    assert not any(isinstance(request, SetMode) for request in gateway.asked)


def test_a_dry_run_is_json_where_asked_for(gateway, icsguard):
    data = json.loads(icsguard("mode", "plc1", "enforce", "-r", "x", "--dry-run", "--json").out)
    assert data["would"].startswith("from now on plc1 refuses")
