import json

import msgspec

from icsguard.control.requests import GetSessions


def test_clients_are_listed_with_what_they_did(gateway, icsguard):
    out = icsguard("sessions", "plc1").out
    for expected in ("10.0.0.21:50312", "hmi", "1 h", "0.5 s ago", "1000", "open"):
        assert expected in out
    assert [GetSessions(conduit="plc1")] == gateway.asked


def test_a_client_without_a_name_in_the_policy_stands_out(gateway, answers, icsguard):
    line = msgspec.structs.replace(answers["GetSessions"].sessions[0], group="", last=0)
    answers["GetSessions"] = msgspec.structs.replace(answers["GetSessions"], sessions=(line,))
    out = icsguard("sessions").out
    assert "(none)" in out
    assert "never" in out


def test_json_has_stable_names(gateway, icsguard):
    session = json.loads(icsguard("sessions", "--json").out)["sessions"][0]
    assert {"flow", "conduit", "client", "group", "requests", "writes", "state"} <= set(session)


def test_nobody_connected_is_a_note(gateway, answers, icsguard):
    answers["GetSessions"] = msgspec.structs.replace(answers["GetSessions"], sessions=())
    assert "no client is connected" in icsguard("sessions").err
