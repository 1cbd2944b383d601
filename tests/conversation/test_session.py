"""The transcripts, each played with the hot path, without it, and with the client's bytes one by one."""

from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from icsguard.conversation.api import ToClient, ToDevice
from icsguard.conversation.states import LinkState
from icsguard.conversation.turns import MAX_WAITING
from icsguard.core.clock import SECOND
from icsguard.core.transaction import Outcome

TRANSCRIPTS = Path(__file__).resolve().parent.parent / "transcripts"
FILES = sorted(TRANSCRIPTS.glob("*.txt"))


@pytest.mark.parametrize("file", FILES, ids=[file.stem for file in FILES])
@pytest.mark.parametrize("fast", [True, False], ids=["hot", "cold"])
def test_the_conversation_goes_as_written(play, file, fast):
    _, wrong = play(file.read_text(encoding="utf-8"), fast=fast)
    assert [] == [f"line {line}: expected {expected!r}, happened {happened!r}" for line, expected, happened in wrong]


@pytest.mark.parametrize("file", FILES, ids=[file.stem for file in FILES])
def test_bytes_that_come_one_by_one_make_no_difference(play, file):
    text = file.read_text(encoding="utf-8")
    scene, _ = play(text)
    chopped = "\n".join(_one_by_one(text))
    again, _ = play(chopped)
    assert scene.outcomes() == again.outcomes()
    assert [row[6:10] for row in scene.guard.run.mirror] == [row[6:10] for row in again.guard.run.mirror]
    assert [r.kind for r in scene.guard.run.recent] == [r.kind for r in again.guard.run.recent]


def _one_by_one(text):
    for line in text.splitlines():
        who, _, rest = line[2:].split("  ;")[0].strip().partition(" ")
        digits = rest.replace(" ", "")
        if line.startswith("> ") and who in {"client", "device"} and set(digits) <= set("0123456789ABCDEF"):
            yield from (f"> {who} {digits[at : at + 2]}" for at in range(0, len(digits), 2))
        else:
            yield line


def adu(tid, pdu, unit=17, protocol=0):
    return b"".join(number.to_bytes(2) for number in (tid, protocol, 1 + len(pdu))) + bytes((unit,)) + pdu


def answer_to(raw):
    """Answer as a device would that has only zeros and takes every write."""
    function, count = raw[7], int.from_bytes(raw[10:12])
    if function in {3, 23}:
        body = bytes((function, 2 * count)) + bytes(2 * count)
    elif function == 1:
        body = bytes((function, (count + 7) // 8)) + bytes((count + 7) // 8)
    else:
        body = raw[7:13] if function not in {6, 16} else raw[7:12]
    return raw[:4] + (1 + len(body)).to_bytes(2) + raw[6:7] + body


REQUESTS = st.one_of(
    st.builds(lambda first, count: bytes((3, 0, first, 0, count)), st.integers(0, 210), st.integers(0, 126)),
    st.builds(lambda first, count: bytes((1, 0, first, 0, count)), st.integers(0, 40), st.integers(1, 9)),
    st.builds(
        lambda first, value: bytes((6, 0, first)) + value.to_bytes(2), st.integers(95, 205), st.integers(0, 2000)
    ),
    st.builds(lambda first: bytes((16, 0, first, 0, 1, 2, 0, 5)), st.integers(95, 205)),
    st.binary(min_size=1, max_size=12),
)
STREAM = st.lists(st.tuples(st.integers(0, 3), REQUESTS, st.sampled_from([0, 0, 0, 0, 1])), min_size=1, max_size=20)
DEVICES = st.sampled_from(["answers", "silent", "resets", "garbage", "refuses"])


class Device:
    """The far end of a scene: carries out the session's commands the way a device of its temper would."""

    def __init__(self, scene, temper):
        self.scene, self.temper = scene, temper
        self.seen, self.to_client, self.asked = [], [], []
        self.judgement = None

    def carry_out(self, commands):
        queue = list(commands)
        for _ in range(2000):
            while self.scene.guard.wakeups:
                queue += self.scene.wake()
            if not queue:
                return
            queue += self._one(queue.pop(0))
        raise AssertionError("the session never comes to rest")

    def _one(self, command):
        scene, session = self.scene, self.scene.session
        match type(command).__name__:
            case "ToClient":
                self.to_client.append(command.data)
            case "CloseClient":
                return session.client_lost(scene.now)
            case "OpenLink" if self.temper == "refuses":
                return session.link_failed("refused", scene.now)
            case "OpenLink":
                return session.link_up(scene.now)
            case "Ask":
                return scene._on_judged(f"{command.question.number} {self.judgement}") if self.judgement else []
            case "ToDevice":
                self.seen.append(command.data)
                return self._temper(command.data)
        return []

    def _temper(self, raw):
        session, now = self.scene.session, self.scene.now
        match self.temper:
            case "answers":
                return self.scene.bytes_from_device(answer_to(raw))
            case "resets":
                return session.link_lost("reset", now)
            case "garbage":
                return self.scene.bytes_from_device(b"\x00" * 9)
        return []


def converse(make_scene, stream, temper, judgement, *, cuts=(), fast=True):
    scene = make_scene()
    scene.fast = fast
    scene.guard.shadow_up = judgement is not None
    scene.connect()
    device = Device(scene, temper)
    device.judgement = judgement
    data = b"".join(adu(tid, pdu, protocol=protocol) for tid, pdu, protocol in stream)
    edges = sorted({0, len(data), *(cut % len(data) for cut in cuts)})
    for start, end in pairwise(edges):
        if scene.session.state.value != "gone":
            device.carry_out(scene.bytes_from_client(data[start:end]))
    for _ in range(40):
        device.carry_out(scene.pass_time(SECOND // 4))
    return scene, device


MANY = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@MANY
@given(STREAM, DEVICES, st.sampled_from([None, "allow", "hold", "refuse"]))
def test_each_request_ends_in_exactly_one_outcome(make_scene, stream, temper, judgement):
    scene, _ = converse(make_scene, stream, temper, judgement)
    outcomes = scene.outcomes()  # fails on two outcomes
    assert list(range(1, scene.guard.run.transactions + 1)) == sorted(outcomes)
    session = scene.session
    assert [] == session._turns.waiting
    assert {} == session._turns.asked
    assert session.link.is_empty
    assert session.link.state in {LinkState.UP, LinkState.DOWN}


@MANY
@given(STREAM, st.booleans(), st.lists(st.integers(0, 400), max_size=8))
def test_any_chopping_gives_the_same_commands(make_scene, stream, shadow, cuts):
    data = b"".join(adu(tid, pdu, protocol=protocol) for tid, pdu, protocol in stream)
    edges = sorted({0, len(data), *(cut % len(data) for cut in cuts)})
    said = []
    for pieces in ([(0, len(data))], pairwise(edges)):
        scene = make_scene()
        scene.guard.shadow_up = shadow
        scene.connect()
        scene.session.client_bytes(adu(9, bytes((3, 0, 0, 0, 1))), scene.now)
        scene.session.link_up(scene.now)
        commands = [command for start, end in pieces for command in scene.bytes_from_client(data[start:end])]
        said.append((commands, scene.outcomes(), [r.text for r in scene.guard.run.recent]))
    assert said[0] == said[1]


@MANY
@given(STREAM, DEVICES)
def test_the_hot_path_changes_nothing_but_the_cost(make_scene, stream, temper):
    hot, first = converse(make_scene, stream * 2, temper, "allow", cuts=range(0, 400, 12))
    cold, second = converse(make_scene, stream * 2, temper, "allow", cuts=range(0, 400, 12), fast=False)
    assert (first.seen, first.to_client) == (second.seen, second.to_client)
    assert hot.outcomes() == cold.outcomes()
    assert [r.text for r in hot.guard.run.recent] == [r.text for r in cold.guard.run.recent]


@MANY
@given(STREAM, DEVICES)
def test_a_write_reaches_the_device_at_most_once(make_scene, stream, temper):
    scene, device = converse(make_scene, stream, temper, "allow")
    del scene
    sent = Counter(adu(tid, pdu, protocol=protocol) for tid, pdu, protocol in stream)
    seen = Counter(raw for raw in device.seen if raw[7] not in {1, 3})
    assert all(count <= sent[raw] for raw, count in seen.items())


@MANY
@given(STREAM, st.sampled_from(["answers", "silent"]))
def test_every_stopped_request_is_on_record_exactly_once(make_scene, stream, temper):
    scene, _ = converse(make_scene, stream, temper, "refuse")
    scene.guard.folder.flush()
    kinds = {"verdict", "malformed", "failover"}  # a safety write passes although the shadow minds: allow
    recorded = sum(r.repeated for r in scene.guard.run.recent if r.kind.value in kinds and r.decision != "allow")
    outcomes = scene.outcomes().values()
    stopped = sum(outcome in {Outcome.REFUSED, Outcome.DROPPED} for outcome in outcomes)
    alerted = sum(row[8] == 1 for row in scene.guard.run.mirror)
    assert stopped + alerted == recorded


@given(st.binary(max_size=600))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_bytes_from_either_side_raise_or_pile_up(make_scene, noise):
    scene = make_scene()
    scene.connect()
    device = Device(scene, "silent")
    device.carry_out(scene.bytes_from_client(adu(1, bytes((3, 0, 0, 0, 1)))))
    device.carry_out(scene.bytes_from_device(noise))
    device.carry_out(scene.bytes_from_client(noise))
    assert scene.session.in_flight <= MAX_WAITING + 16
    assert scene.session._framer.pending < 260


def test_too_many_waiting_requests_are_answered_busy(scene):
    read = bytes((3, 0, 0, 0, 1))
    commands = scene.bytes_from_client(b"".join(adu(tid, read) for tid in range(MAX_WAITING + 5)))
    busy = [command.data for command in commands if isinstance(command, ToClient)]
    assert [adu(tid, bytes((0x83, 6))) for tid in range(MAX_WAITING, MAX_WAITING + 5)] == busy


def test_no_more_than_the_conduits_number_is_in_flight(make_scene):
    scene = make_scene(max_in_flight=4)
    scene.connect()
    scene.bytes_from_client(b"".join(adu(tid, bytes((3, 0, 0, 0, 1))) for tid in range(10)))
    sent = [command for command in scene.session.link_up(scene.now) if isinstance(command, ToDevice)]
    assert 4 == len(sent)
    assert 10 == scene.session.in_flight


def test_a_held_write_is_not_sent_after_the_process_slept(scene):
    scene.bytes_from_client(adu(1, bytes((6, 0, 100, 0, 5))))
    scene.now += 10 * SECOND  # the process was stopped; the client has long given up
    commands = scene.session.timer(scene.now)
    assert [] == [command for command in commands if isinstance(command, ToDevice)]
    commands += scene.session.link_up(scene.now)
    assert [adu(1, bytes((0x86, 6)))] == [c.data for c in commands if isinstance(c, ToClient)]


def test_one_read_with_twenty_requests_has_twenty_answers_in_order(make_scene):
    stream = [(tid, bytes((3, 0, tid, 0, 1)), 0) for tid in range(20)]
    _, device = converse(make_scene, stream, "answers", None)
    assert [tid.to_bytes(2) for tid in range(20)] == [raw[:2] for raw in device.to_client]


WATCHED = bytes((3, 0, 110, 0, 1))


def test_an_unchanged_answer_refreshes_policys_memory_now_and_then(make_scene):
    scene = make_scene()
    scene.connect()
    scene.bytes_from_client(adu(1, WATCHED))
    scene.session.link_up(scene.now)
    scene.bytes_from_device(adu(1, b"\x03\x02\x00\x09"))
    told = []
    scene.guard.memory = Spy(scene.guard.memory, told)
    for read in scene.guard.cache_of("10.0.0.21").reads.values():
        read.watched = True
    for _ in range(10):
        scene.now += SECOND // 10
        assert scene.session.request_passes(adu(2, WATCHED), scene.now)
        assert scene.session.response_passes(adu(2, b"\x03\x02\x00\x09"), scene.now)
    assert [(9,)] * 4 == told  # at once, then no more often than every quarter of a second


class Spy:
    def __init__(self, memory, told):
        self._memory, self._told = memory, told

    def __getattr__(self, name):
        return getattr(self._memory, name)

    def seen(self, table, unit, first, values, now):
        self._told.append(values)
        self._memory.seen(table, unit, first, values, now)


def test_events_out_of_place_change_nothing(scene):
    assert [] == scene.session.link_failed("late", scene.now)
    assert [] == scene.session.link_lost("late", scene.now)
    assert [] == scene.session.link_bytes(b"late", scene.now)
    assert not scene.session.asks(1)
    scene.session.client_eof(scene.now)
    scene.session.client_eof(scene.now)
    scene.session.drain(scene.now)
    scene.session.client_lost(scene.now)
    scene.session.client_lost(scene.now)
    scene.session.drain(scene.now)
    assert scene.session.is_over
    assert [] == scene.session.client_bytes(adu(1, WATCHED), scene.now)


def test_a_session_without_an_idle_limit_has_nothing_due(make_scene):
    scene = make_scene(idle_timeout_s=0)
    scene.connect()
    assert 0 == scene.session.next_timer()
    assert [] == scene.session.timer(scene.now + 10**6 * SECOND)


def test_the_hot_path_steps_aside_for_a_repeated_identifier_and_a_full_link(make_scene):
    scene = make_scene(max_in_flight=2)
    scene.connect()
    scene.bytes_from_client(adu(1, WATCHED))
    scene.session.link_up(scene.now)
    scene.bytes_from_device(adu(1, b"\x03\x02\x00\x09"))
    taken = [scene.session.request_passes(adu(tid, WATCHED), scene.now) for tid in (1, 1, 2, 3)]
    assert [True, False, True, False] == taken


def test_frames_behind_the_one_that_closes_are_not_taken(scene):
    foreign = adu(1, WATCHED, protocol=5)
    scene.bytes_from_client(foreign * 3 + adu(2, WATCHED))
    assert {Outcome.DROPPED} == set(scene.outcomes().values())
