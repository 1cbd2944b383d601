import json
import struct

import pytest

from icsguard.control.requests import Reload
from icsguard.core.decision import Decision
from icsguard.core.transaction import Outcome, Transaction
from icsguard.runtime.files import load_config
from icsguard.runtime.journal import Entry, JournalWriter, journal_path

pytest.importorskip("scapy")
pytest.importorskip("onnx")
HMI, DEVICE = ("10.0.0.21", 50000), ("10.1.0.5", 502)
SECOND = 1_000_000_000


def adu(number, pdu):
    return struct.pack(">HHHB", number & 0xFFFF, 0, len(pdu) + 1, 1) + pdu


def read(number):
    words = struct.pack(">10H", *(100 + (number + index) % 7 for index in range(10)))
    return adu(number, struct.pack(">BHH", 3, 0, 10)), adu(number, b"\x03\x14" + words)


def write(number, value):
    both = adu(number, struct.pack(">BHH", 6, 12, value))
    return both, both


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A folder with a configuration that learns."""
    (tmp_path / "icsguard.toml").write_text(
        '[gateway]\nstate = "state"\nrun = "run"\n[conduit.plc1]\nlisten = "127.0.0.1:1502"\n'
        f'device = "{DEVICE[0]}:{DEVICE[1]}"\nmode = "learn"\n'
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ICSGUARD_CONFIG", raising=False)
    return tmp_path


@pytest.fixture
def pcap(site, capture, conversation):
    """A capture of fifty reads and one single write."""
    exchanges = [read(number) for number in range(1, 51)]
    return capture(site / "line3.pcap", *conversation(HMI, DEVICE, *exchanges, write(51, 60)), every_us=500_000)


@pytest.fixture
def journal(site):
    """The journal of an hour with reads, and a write on each of several occasions."""
    entries = []
    for number in range(1, 100):
        request, response = write(number, 50 + number % 20) if number % 10 == 0 else read(number)
        at = (1_700_000_000 + 30 * number) * SECOND
        entries.append(
            Transaction(
                number, "plc1", 1, HMI[0], at, at + 1_000_000, request, response, Decision.ALLOW, Outcome.ANSWERED
            )
        )
    path = journal_path(site / "state", "plc1")
    writer = JournalWriter(path, 10_000_000)
    assert writer.append(Entry("r1", 0, entries, []))
    writer.close()
    return path


def test_a_capture_becomes_a_proposal_that_permits_what_is_a_habit(icsguard, site, pcap, monkeypatch):
    ended = icsguard("learn", "plc1", "--from", pcap)
    assert 0 == ended.code
    for expected in (
        "51 requests of line3.pcap",
        "client-10-0-0-21",
        "holding 0..9",
        "50 times",
        "for review, not proposed: 1",
    ):
        assert expected in ended.out
    policy = (site / "plc1.proposal" / "plc1.policy.toml").read_text()
    assert 'ranges = ["holding 0..9"]' in policy
    assert "# FOR REVIEW" in policy
    assert (
        0
        == icsguard(
            "policy", "check", "plc1.proposal/plc1.policy.toml", "--points", "plc1.proposal/plc1.points.csv"
        ).code
    )


def test_a_review_writes_nothing(icsguard, site, pcap):
    ended = icsguard("learn", "plc1", "--from", pcap, "--review")
    assert "for review, not proposed: 1" in ended.out
    assert ["icsguard.toml", "line3.pcap"] == sorted(path.name for path in site.iterdir())


def test_json_has_the_proposal(icsguard, site, pcap):
    data = json.loads(icsguard("learn", "plc1", "--from", pcap, "--json").out)
    assert (51, 1, 1) == (data["proposal"]["requests"], len(data["proposal"]["rules"]), len(data["proposal"]["review"]))
    assert 51 == json.loads(icsguard("learn", "plc1", "--from", pcap, "--review", "--json").out)["requests"]


def test_the_conduits_own_journal_is_the_default(icsguard, site, journal):
    out = icsguard("learn", "plc1").out
    assert "99 requests of plc1.journal" in out
    assert "holding_12" in out


def test_an_accepted_proposal_is_the_policy_and_a_running_gateway_reads_it(icsguard, site, journal, gateway, typing):
    icsguard("learn", "plc1")
    typing("plc1")
    ended = icsguard("learn", "plc1", "--accept", "-r", "reviewed")
    assert 0 == ended.code
    assert "plc1.policy.toml, plc1.points.csv become the policy of plc1" in ended.err
    assert [Reload(reason="reviewed")] == gateway.asked
    conduit = load_config(site / "icsguard.toml").conduit("plc1")
    assert conduit.policy.rules
    assert conduit.policy.points


def test_without_a_gateway_the_files_wait_for_its_start(icsguard, site, journal, no_gateway):
    icsguard("learn", "plc1")
    ended = icsguard("learn", "plc1", "--accept", "-r", "reviewed", "--yes")
    assert 0 == ended.code
    assert "not running; it reads them when it starts" in ended.out


def test_accepting_needs_a_reason_and_a_proposal(icsguard, site, journal, no_gateway):
    assert 2 == icsguard("learn", "plc1", "--accept", "--yes").code
    ended = icsguard("learn", "plc1", "--accept", "-r", "x", "--yes")
    assert 1 == ended.code
    assert "icsguard learn plc1" in ended.err


def test_an_edited_proposal_is_not_overwritten_unless_forced(icsguard, site, pcap):
    icsguard("learn", "plc1", "--from", pcap)
    policy = site / "plc1.proposal" / "plc1.policy.toml"
    policy.write_text(policy.read_text() + "# mine\n")
    ended = icsguard("learn", "plc1", "--from", pcap)
    assert 1 == ended.code
    assert "--force" in ended.err
    assert policy.read_text().endswith("# mine\n")
    assert 0 == icsguard("learn", "plc1", "--from", pcap, "--force").code
    assert not policy.read_text().endswith("# mine\n")


def test_no_traffic_says_how_to_get_some(icsguard, site):
    ended = icsguard("learn", "plc1")
    assert 1 == ended.code
    assert "icsguard mode plc1 learn" in ended.err


def test_a_capture_of_another_device_is_named_and_an_unknown_conduit_is_usage(icsguard, site, capture, conversation):
    packets = [*conversation(HMI, ("10.1.0.6", 502)), *conversation(("10.0.0.22", 5), ("10.1.0.7", 502))]
    ended = icsguard("learn", "plc1", "--from", capture(site / "a.pcap", *packets))
    assert 1 == ended.code
    assert "10.1.0.6:502" in ended.err
    assert 2 == icsguard("learn", "plc9").code


def test_what_is_neither_capture_nor_journal_is_one_line(icsguard, site):
    (site / "a.pcap").write_text("hello")
    ended = icsguard("learn", "plc1", "--from", "a.pcap")
    assert 1 == ended.code
    assert "a.pcap" in ended.err


def test_a_proposal_with_nothing_in_it_is_one_line(icsguard, site, capture, conversation):
    request, answer = adu(1, bytes.fromhex("030000000a")), adu(1, bytes.fromhex("8302"))
    file = capture(site / "a.pcap", *conversation(HMI, DEVICE, (request, answer)))
    ended = icsguard("learn", "plc1", "--from", file)
    assert 1 == ended.code
    assert "no request that was answered as asked" in ended.err
