import json

import msgspec

from icsguard.control.replies import FailureCode


def test_status_shows_all_that_matters(gateway, icsguard):
    ended = icsguard("status")
    assert ended.code == 0
    for expected in (
        "edge1", "up 6 h 12 m", "(Python)", "tickets 1", "plc1", "observe", "10.1.0.5:502", "38.0", "0.31 ms", "0.8 %",
        "writes by policy", "216541", "recorder down", "lost 7", "10.0.0.66 isolated everywhere until", "scan",
        "last change: anna set plc1 to observe", "WARNING the last reload failed",
    ):  # fmt: skip
        assert expected in ended.out


def test_status_fits_a_screen_of_80_by_24(gateway, icsguard, monkeypatch):
    monkeypatch.setattr("icsguard.cli.show.width", lambda: 80)
    lines = icsguard("status").out.splitlines()
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80


def test_a_wide_screen_shows_where_clients_connect(gateway, icsguard, monkeypatch):
    monkeypatch.setattr("icsguard.cli.show.width", lambda: 120)
    assert "modbus 10.0.0.9:502" in icsguard("status").out


def test_a_device_that_is_down_is_impossible_to_overlook(gateway, answers, icsguard):
    status = answers["GetStatus"]
    down = msgspec.structs.replace(status.conduits[0], device_state="down")
    answers["GetStatus"] = msgspec.structs.replace(status, conduits=(down,))
    assert "10.1.0.5:502 DOWN" in icsguard("status").out


def test_a_write_with_an_unknown_outcome_is_the_first_warning(gateway, answers, icsguard):
    status = answers["GetStatus"]
    conduit = msgspec.structs.replace(status.conduits[0], writes_unknown=2)
    answers["GetStatus"] = msgspec.structs.replace(status, conduits=(conduit,))
    warnings = [line for line in icsguard("status").out.splitlines() if line.startswith("WARNING")]
    assert "2 writes on plc1 have an unknown outcome" in warnings[0]


def test_records_that_do_not_reach_the_disk_are_a_warning_with_what_to_type(gateway, answers, icsguard):
    status = answers["GetStatus"]
    for said, warns in (("ok", False), ("closed", False), ("failed: [Errno 13] Permission denied", True)):
        part = msgspec.structs.replace(status.parts[0], facts={"disk": said})
        answers["GetStatus"] = msgspec.structs.replace(status, parts=(part,))
        warning = "WARNING records do not reach the disk, try icsguard doctor: failed: [Errno 13]"
        assert warns == (warning in icsguard("status").out)


def test_shared_links_have_a_line_with_who_waits_and_what_is_silent(gateway, answers, icsguard):
    status = answers["GetStatus"]
    told = "1 of 2 shared links up, 3 requests wait, silent units: 9"
    conduit = msgspec.structs.replace(status.conduits[0], links=told)
    answers["GetStatus"] = msgspec.structs.replace(status, conduits=(conduit,))
    assert f"plc1: {told}" in icsguard("status").out


def test_json_has_stable_names_and_nothing_else_on_stdout(gateway, icsguard):
    data = json.loads(icsguard("status", "--json").out)
    assert {"is", "name", "conduits", "parts", "isolations", "tickets"} <= set(data)
    assert ("plc1", "observe") == (data["conduits"][0]["name"], data["conduits"][0]["mode"])


def test_text_from_the_network_cannot_act_on_the_terminal(gateway, answers, icsguard, hostile):
    answers["GetStatus"] = msgspec.structs.replace(answers["GetStatus"], last_change=hostile, warnings=(hostile,))
    for ended in (icsguard("status"), icsguard("status", "--json")):
        assert not {"\x1b", "\r", "\x9b", "\u202e"} & set(ended.out)
        assert not any(line.startswith("refused: forged") for line in ended.out.splitlines())


def test_not_running_is_a_sentence_and_exit_code_3(no_gateway, icsguard):
    ended = icsguard("status")
    assert (3, "") == (ended.code, ended.out)
    assert "icsguard is not running" in ended.err
    assert "icsguard run" in ended.err


def test_not_running_is_json_where_json_was_asked_for(no_gateway, icsguard):
    ended = icsguard("status", "--json")
    assert 3 == ended.code
    assert "not-running" == json.loads(ended.out)["error"]["code"]


def test_no_permission_is_exit_code_5_with_the_way_out(gateway, failing, icsguard):
    failing("GetStatus", FailureCode.DENIED, "eve may not talk to this gateway", 'viewers = ["eve"]')
    ended = icsguard("status")
    assert 5 == ended.code
    assert 'viewers = ["eve"]' in ended.err


def test_a_fault_of_the_gateway_is_one_line_and_exit_code_1(gateway, failing, icsguard):
    failing("GetStatus", FailureCode.BROKEN, "the gateway failed")
    assert 1 == icsguard("status").code


def test_a_broken_promise_of_false_alarms_is_a_warning(gateway, answers, icsguard):
    status = answers["GetStatus"]
    twin = "trusted 60 s; guarantee suspended since 2026-11-20 12:32 UTC; false alarms/day: budget 1"
    conduit = msgspec.structs.replace(status.conduits[0], twin=twin)
    answers["GetStatus"] = msgspec.structs.replace(status, conduits=(conduit,))
    assert "WARNING plc1: the twin's alarms come at another rate than promised" in icsguard("status").out
