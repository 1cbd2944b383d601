import os
from pathlib import Path

import pytest

from icsguard.config.load import check_file
from icsguard.config.settings import Conduit
from icsguard.core.clock import SECOND
from icsguard.core.decision import Mode
from icsguard.core.ids import AddressRange
from icsguard.core.meaning import Table
from icsguard.core.transaction import Outcome, Transaction
from icsguard.learn.capture import CaptureError
from icsguard.learn.player import wires_of
from icsguard.learn.proposal_text import points_text, policy_text
from icsguard.learn.propose import propose
from icsguard.learn.replay import MAX_EXAMPLES, replay_capture, replay_journal, replay_wires
from icsguard.learn.traffic import Traffic, from_capture
from icsguard.policy.rules import ClientGroup, Policy, Rule, Service, Target
from icsguard.protocols.modbus import build
from icsguard.runtime.files import shipped_rules
from icsguard.runtime.journal import Entry, JournalWriter

DATA = Path(os.environ.get("ICSGUARD_DATA", Path(__file__).parents[3] / "shared" / "data"))

READ = build.adu(1, 1, build.read(3, 0, 1))
READ_ANSWER = build.adu(1, 1, bytes((3, 2, 0, 7)))
FORBIDDEN = build.adu(3, 1, build.write_register(99, 9))


@pytest.fixture
def conduit():
    target = Target(Table.HOLDING, AddressRange(0, 49))
    rule = Rule("r", ("hmi",), (1,), (Service(3),), targets=(target,))
    policy = Policy("0123456789abcdef", (ClientGroup("hmi", ("10.0.0.21/32",)),), (), (rule,))
    return Conduit("plc1", "", 0, "10.1.0.5", 502, policy=policy)


def test_a_report_says_what_would_have_been_stopped_and_how_sure_that_is(capture, dialogue, conduit):
    dialogue.open()
    for _ in range(50):
        dialogue.ask(READ).answer(READ_ANSWER)
    for _ in range(5):
        dialogue.ask(FORBIDDEN).answer(FORBIDDEN)
    report = replay_capture(capture(dialogue.segments), conduit)
    assert {"allow": 50, "refuse": 5} == report.decisions
    assert (55, 5, 5, 5) == (report.requests, report.stopped, report.writes, report.writes_stopped)
    assert report.bound == pytest.approx(0.18, abs=0.005)
    (ground,) = report.grounds
    assert ("refuse", "function-not-permitted", 5) == (ground.decision, ground.code, ground.count)
    assert 1 <= len(ground.examples) <= MAX_EXAMPLES
    text = "\n".join(report.lines())
    assert "plc1, policy 0123456789ab, site.pcap" in text
    assert "would have stopped 5 of 55 (writes: 5 of 5)" in text


def test_another_mode_stops_nothing_but_tells(capture, dialogue, conduit):
    dialogue.open().ask(FORBIDDEN).answer(FORBIDDEN)
    report = replay_capture(capture(dialogue.segments), conduit, mode=Mode.OBSERVE)
    assert 0 == report.stopped
    assert ["function-not-permitted"] == [ground.code for ground in report.grounds]


def test_the_device_must_be_plain(capture, dialogue, new_dialogue, conduit):
    dialogue.open().ask(READ).answer(READ_ANSWER)
    other = new_dialogue(device=("10.1.0.6", 502)).open().ask(READ).answer(READ_ANSWER)
    path = capture(dialogue.segments + other.segments)
    assert 1 == replay_capture(path, conduit).requests
    assert 1 == replay_capture(path, conduit, device=("10.1.0.6", 502)).requests
    with pytest.raises(CaptureError, match="several devices"):
        replay_capture(path, Conduit("plc1", "", 0, "10.9.9.9", 502))


def test_a_journal_is_replayed_alike(tmp_path, conduit):
    journal = JournalWriter(tmp_path / "plc1.journal", 10**6)
    one = Transaction(1, "plc1", 1, "10.0.0.21", SECOND, SECOND + 5, READ, READ_ANSWER, 0, Outcome.ANSWERED)
    journal.append(Entry("a", 0, [one], []))
    report = replay_journal(tmp_path / "plc1.journal", conduit)
    assert ({"allow": 1}, "plc1.journal") == (report.decisions, report.source)


def test_text_from_the_recording_is_safe_to_look_at(conduit):
    report = replay_wires([], conduit, source="evil\x1b[2J.pcap")
    assert ["plc1, policy 0123456789ab, evil\\x1b[2J.pcap", "the recording holds no request"] == report.lines()


def test_the_same_recording_gives_the_same_report(capture, dialogue, conduit):
    dialogue.open().ask(READ).answer(READ_ANSWER).ask(FORBIDDEN).answer(FORBIDDEN)
    path = capture(dialogue.segments)
    assert replay_capture(path, conduit).lines() == replay_capture(path, conduit).lines()


@pytest.mark.skipif(not DATA.is_dir(), reason="the captures of others are not here: set ICSGUARD_DATA")
def test_habits_of_a_real_plant_learned_in_the_first_half_are_not_refused_in_the_second():
    path = DATA / "modbus_benign" / "ModbusTCP.pcap"
    stopped = requests = 0
    # One of the thirteen devices is asked for address runs in the second half that nobody asked for in the first.
    for device in sorted(set(from_capture(path, "x").devices) - {("141.81.0.46", 502)}):
        asked = from_capture(path, "x", device=device).transactions
        half = (asked[0].request_at + asked[-1].request_at) // 2
        proposal = propose(Traffic(tuple(one for one in asked if one.request_at < half), {}), "x")
        files = {"p": policy_text(proposal), "c": points_text(proposal.points), **shipped_rules()}
        policy, problems = check_file(files, "p", "c")
        assert () == problems
        later = wires_of(one for one in asked if one.request_at >= half)
        report = replay_wires(later, Conduit("x", "", 0, *device, policy=policy))
        stopped, requests = stopped + report.stopped, requests + report.requests
    assert (0, 3_738) == (stopped, requests)
