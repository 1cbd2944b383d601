import pytest

from icsguard.config.settings import Conduit
from icsguard.core.clock import SECOND
from icsguard.core.decision import Mode
from icsguard.core.ids import AddressRange
from icsguard.core.meaning import Table
from icsguard.core.transaction import Outcome, Transaction
from icsguard.learn.capture import CaptureError
from icsguard.learn.replay import MAX_EXAMPLES, replay_capture, replay_journal, replay_wires
from icsguard.policy.rules import ClientGroup, Policy, Rule, Service, Target
from icsguard.protocols.modbus import build
from icsguard.runtime.journal import Entry, JournalWriter

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
