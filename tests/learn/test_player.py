import pytest

from icsguard.config.settings import Conduit, IsolationSettings
from icsguard.core.clock import MS, SECOND
from icsguard.core.decision import Decision, Layer, Mode
from icsguard.core.finding import Finding
from icsguard.core.ids import AddressRange
from icsguard.core.isolation import IsolationRequest, Scope
from icsguard.core.meaning import Table
from icsguard.core.record import RecordKind
from icsguard.core.transaction import Opinion, Outcome
from icsguard.learn.direction import Wire
from icsguard.learn.player import Player, wires_of
from icsguard.policy.rules import ClientGroup, Policy, Rule, Service, Target
from icsguard.protocols.modbus import build

HMI, PLC = ("10.0.0.21", 40_001), ("10.1.0.5", 502)
READ = build.adu(1, 1, build.read(3, 0, 1))
READ_ANSWER = build.adu(1, 1, bytes((3, 2, 0, 7)))
WRITE = build.adu(2, 1, build.write_register(5, 9))
FORBIDDEN = build.adu(3, 1, build.write_register(99, 9))
START = 1_700_000_000 * SECOND


def policy() -> Policy:
    target = Target(Table.HOLDING, AddressRange(0, 49))
    rule = Rule("r", ("hmi",), (1,), (Service(3), Service(6)), targets=(target,))
    return Policy("p", (ClientGroup("hmi", ("10.0.0.21/32", "10.0.0.22/32")),), (), (rule,))


class Shadow:
    """A shadow that says what it is told, and remembers what it saw."""

    def __init__(self) -> None:
        self.decision = Decision.ALLOW
        self.seen, self.asked, self.wishes = [], [], []

    def observe(self, transactions, now):
        self.seen += transactions

    def ask(self, question, now):
        self.asked.append(question)
        finding = Finding("what-if", Layer.CONSEQUENCE, "unsafe", "it overflows", now, "plc1", self.decision)
        return Opinion(question.number, self.decision, (finding,), "m")

    def tick(self, now):
        wishes, self.wishes = self.wishes, []
        return [], wishes


class Stage:
    def __init__(self, *, mode=Mode.ENFORCE, shadow=None, **options) -> None:
        self.transactions, self.records = [], []
        conduit = Conduit("plc1", "", 0, *PLC, policy=policy(), **options)
        self.player = Player(
            conduit,
            mode,
            shadow=shadow,
            on_transaction=self.transactions.append,
            on_record=self.records.append,
            on_finding=lambda finding: None,
        )
        self.now = START

    def play(self, *parts):
        """Play (who, data) parts, a millisecond apart; who: `c`lient, `d`evice, or `wait` with seconds."""
        found = []
        for who, what, *more in parts:
            self.now += what * SECOND if who == "wait" else MS
            if who != "wait":
                found.append(Wire(self.now, 1, HMI, PLC, who == "c", what, *more))
        self.player.play(found)
        return [(Decision(one.decision).name, Outcome(one.outcome).name) for one in self.transactions]


@pytest.fixture
def stage():
    return Stage


def test_what_is_allowed_gets_its_recorded_answer(stage):
    assert [("ALLOW", "ANSWERED")] * 2 == stage().play(("c", READ), ("d", READ_ANSWER), ("c", WRITE), ("d", WRITE))


def test_the_recorded_answer_to_what_is_refused_is_left_out(stage):
    scene = stage()
    assert [("REFUSE", "REFUSED"), ("ALLOW", "ANSWERED")] == scene.play(
        ("c", FORBIDDEN), ("d", FORBIDDEN), ("c", WRITE), ("d", WRITE)
    )
    assert [RecordKind.VERDICT] == [record.kind for record in scene.records]


def test_a_request_that_is_refused_and_then_allowed_under_the_same_identifier_is_not_mixed_up(stage):
    again = build.adu(3, 1, build.write_register(5, 1))
    assert [("REFUSE", "REFUSED"), ("ALLOW", "ANSWERED")] == stage().play(
        ("c", FORBIDDEN), ("c", again), ("d", FORBIDDEN), ("d", again)
    )


def test_in_observe_everything_passes_and_is_noted(stage):
    scene = stage(mode=Mode.OBSERVE)
    assert [("ALLOW", "ANSWERED")] == scene.play(("c", FORBIDDEN), ("d", FORBIDDEN))
    assert ["refuse"] == [record.would_be for record in scene.records]


def test_the_shadow_is_asked_about_writes_only_and_sees_what_was_done(stage):
    shadow = Shadow()
    stage(shadow=shadow).play(("c", READ), ("d", READ_ANSWER), ("c", WRITE), ("d", WRITE))
    assert [WRITE] == [question.request for question in shadow.asked]
    assert [READ, WRITE] == [one.request for one in shadow.seen]


def test_what_the_shadow_refuses_does_not_happen(stage):
    shadow = Shadow()
    shadow.decision = Decision.REFUSE
    scene = stage(shadow=shadow)
    assert [("REFUSE", "REFUSED")] == scene.play(("c", WRITE), ("d", WRITE))
    assert ["unsafe"] == [record.findings[0].code for record in scene.records]


def test_a_device_that_did_not_answer_in_the_recording_does_not_answer_in_the_play(stage):
    scene = stage()
    assert [("ALLOW", "TIMED_OUT"), ("ALLOW", "UNKNOWN")] == scene.play(("c", READ), ("c", WRITE), ("wait", 60))
    assert {RecordKind.DEVICE} == {record.kind for record in scene.records}


def test_a_stream_that_is_no_modbus_closes_the_connection_and_the_next_bytes_are_a_new_one(stage):
    scene = stage()
    assert [("ALLOW", "ANSWERED")] == scene.play(("c", b"GET / HTTP/1.1\r\n"), ("c", READ), ("d", READ_ANSWER))
    assert 1 == scene.player.closed


def test_a_client_that_leaves_is_not_counted_as_closed_by_us(stage):
    scene = stage()
    scene.play(("c", READ), ("d", READ_ANSWER), ("c", b"", False, True), ("wait", 5))
    assert 0 == scene.player.closed


def test_after_a_gap_half_a_frame_is_forgotten(stage):
    assert [("ALLOW", "ANSWERED")] == stage().play(("c", READ[:9]), ("c", WRITE, True), ("d", WRITE))


def test_an_isolation_that_the_shadow_asks_for_keeps_the_client_out(stage):
    shadow = Shadow()
    scene = stage(shadow=shadow, isolation=IsolationSettings(auto=True, seconds=3_000))
    wish = IsolationRequest("10.0.0.99", "plc1", Scope.FULL, "it scans", "scan", 3_000)
    shadow.wishes = [wish]
    odd = ("10.0.0.99", 5)
    moments = [
        Wire(START, 1, odd, PLC, from_client=True, data=READ),
        Wire(START + 3 * SECOND, 1, odd, PLC, from_client=True, data=WRITE),
    ]
    scene.player.play(moments)
    assert [RecordKind.ISOLATION] == [one.kind for one in scene.records if one.kind is RecordKind.ISOLATION]


def test_a_night_without_traffic_costs_little(stage):
    class Counting(Shadow):
        ticks = 0

        def tick(self, now):
            self.ticks += 1
            return [], []

    shadow = Counting()
    stage(shadow=shadow).play(("c", READ), ("d", READ_ANSWER), ("wait", 12 * 3600), ("c", READ), ("d", READ_ANSWER))
    assert shadow.ticks < 12 * 3600 / 5 + 500


def test_transactions_become_the_bytes_that_made_them(stage):
    scene = stage()
    scene.play(("c", READ), ("d", READ_ANSWER), ("c", WRITE), ("d", WRITE))
    again = stage()
    again.player.play(wires_of(scene.transactions))
    assert [one[5:] for one in scene.transactions] == [one[5:] for one in again.transactions]


def test_what_a_device_says_unasked_or_wrongly_is_not_delivered_but_noted(stage):
    scene = stage()
    scene.play(("c", READ), ("d", READ_ANSWER), ("d", READ_ANSWER), ("d", b"\0\1\0\0\xff\xff garbage"))
    assert {"device", "malformed"} & {record.kind.value for record in scene.records}


def test_a_device_that_closes_ends_what_waits_for_it(stage):
    assert [("ALLOW", "UNKNOWN")] == stage().play(("c", WRITE), ("d", b"", False, True))


def test_a_client_that_was_cut_off_is_not_admitted_again(stage):
    shadow = Shadow()
    scene = stage(shadow=shadow, isolation=IsolationSettings(auto=True, seconds=3_000))
    shadow.wishes = [IsolationRequest("10.0.0.99", "plc1", Scope.FULL, "it scans", "scan", 3_000)]
    scene.player.play([Wire(START, 1, HMI, PLC, from_client=True, data=READ)])
    shadow.wishes = [IsolationRequest("10.0.0.99", "plc1", Scope.FULL, "it scans on", "scan", 3_000)]
    odd, later = ("10.0.0.99", 5), START + 60 * SECOND
    scene.player.play([Wire(later, 2, odd, PLC, from_client=True, data=READ)])
    scene.player.play([Wire(later + 90 * SECOND, 3, odd, PLC, from_client=True, data=READ)])
    assert 1 <= scene.player.turned_away
