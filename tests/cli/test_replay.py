import json
import struct

import pytest

pytest.importorskip("scapy")
HMI, DEVICE = ("10.0.0.21", 50000), ("10.1.0.5", 502)
POLICY = """[clients]
hmi = ["10.0.0.21"]
[[rule]]
id = "hmi-reads"
clients = ["hmi"]
units = [1]
functions = [3]
ranges = ["holding 0..9"]
"""


def exchange(number, pdu, answer):
    head = struct.pack(">HH", number, 0)
    return tuple(head + struct.pack(">HB", len(body) + 1, 1) + body for body in (pdu, answer))


READ = exchange(1, bytes.fromhex("030000000a"), b"\x03\x14" + bytes(20))
WRITE = exchange(2, bytes.fromhex("06000c2328"), bytes.fromhex("06000c2328"))


@pytest.fixture
def site(tmp_path, monkeypatch):
    (tmp_path / "icsguard.toml").write_text(
        '[gateway]\nstate = "state"\nrun = "run"\n[conduit.plc1]\nlisten = "127.0.0.1:1502"\n'
        f'device = "{DEVICE[0]}:{DEVICE[1]}"\npolicy = "plc1.policy.toml"\n'
    )
    (tmp_path / "plc1.policy.toml").write_text(POLICY)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ICSGUARD_CONFIG", raising=False)
    return tmp_path


def test_a_recording_that_the_policy_permits_ends_with_zero(icsguard, site, capture, conversation):
    file = capture(site / "a.pcap", *conversation(HMI, DEVICE, *[READ] * 20))
    ended = icsguard("replay", file)
    assert 0 == ended.code
    assert "would have stopped 0 of 20" in ended.out


def test_what_would_have_been_refused_is_counted_and_shown_and_ends_with_four(icsguard, site, capture, conversation):
    file = capture(site / "a.pcap", *conversation(HMI, DEVICE, READ, WRITE, READ))
    ended = icsguard("replay", file)
    assert 4 == ended.code
    assert "would have stopped 1 of 3 (writes: 1 of 1)" in ended.out
    assert "write holding register 12 (40013) = 9000" in ended.out


def test_another_policy_can_be_tried(icsguard, site, capture, conversation):
    file = capture(site / "a.pcap", *conversation(HMI, DEVICE, READ, WRITE))
    (site / "points.csv").write_text("name,unit_id,table,address\npump_speed,1,holding,12\n")
    more = '[[rule]]\nid = "w"\nclients = ["hmi"]\nunits = [1]\nfunctions = [6]\npoints = ["pump_speed"]\n'
    (site / "new.toml").write_text(POLICY + more)
    assert 4 == icsguard("replay", file).code
    assert 0 == icsguard("replay", file, "--policy", "new.toml", "--points", "points.csv").code


def test_json_has_counts_and_bound(icsguard, site, capture, conversation):
    file = capture(site / "a.pcap", *conversation(HMI, DEVICE, READ, WRITE))
    data = json.loads(icsguard("replay", file, "--json").out)
    assert (2, 1, 1) == (data["requests"], data["stopped"], data["writes"])
    assert 0.5 < data["bound"] <= 1


def test_the_same_recording_gives_the_same_report(icsguard, site, capture, conversation):
    file = capture(site / "a.pcap", *conversation(HMI, DEVICE, READ, WRITE, READ))
    assert icsguard("replay", file).out == icsguard("replay", file).out


def test_a_twin_that_cannot_be_trusted_is_left_out_and_named(icsguard, site, capture, conversation):
    (site / "state" / "models" / "plc1").mkdir(parents=True)
    (site / "state" / "models" / "plc1" / "manifest.json").write_text("garbage")
    file = capture(site / "a.pcap", *conversation(HMI, DEVICE, READ))
    ended = icsguard("replay", file)
    assert 0 == ended.code
    assert "without the model of plc1" in ended.err
    assert "" == icsguard("replay", file, "--no-twin").err


def test_without_a_recording_the_conduits_journal_is_meant(icsguard, site):
    ended = icsguard("replay")
    assert 1 == ended.code
    assert "plc1.journal" in ended.err


@pytest.mark.parametrize("arguments", [("none.pcap",), ("plc1.policy.toml",)])
def test_what_is_no_recording_is_one_line(icsguard, site, arguments):
    ended = icsguard("replay", *arguments)
    assert 1 == ended.code
    assert arguments[0] in ended.err
