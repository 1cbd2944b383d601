"""Whose turn it is: what a session does with requests that the device does not have yet."""

import pytest

from icsguard.conversation.states import ClientState
from icsguard.conversation.turns import MAX_WAITING
from icsguard.core.clock import MS, SECOND
from icsguard.core.decision import Mode
from icsguard.core.transaction import Outcome


def adu(tid, pdu, unit=17):
    return tid.to_bytes(2) + b"\0\0" + (1 + len(pdu)).to_bytes(2) + bytes((unit,)) + pdu


READ = bytes((3, 0, 0, 0, 1))
WRITE = bytes((6, 0, 100, 0, 5))
ASKED = adu(1, READ)
GOOD = adu(1, b"\x03\x02\x00\x07")


def test_waiting_requests_are_bounded_and_each_is_answered(scene):
    for tid in range(MAX_WAITING + 30):
        scene.bytes_from_client(adu(tid, READ))
    assert MAX_WAITING == len(scene.session._turns.waiting)
    assert 30 == list(scene.outcomes().values()).count(Outcome.REFUSED)


def test_a_request_is_judged_when_its_turn_comes(scene):
    scene.play(f"client {adu(1, WRITE).hex()}")
    said = scene.play(f"client {adu(2, WRITE).hex()}")
    assert [] == said, "the second is not even asked about before the first has gone"
    assert ["! ask 2"] == [line for line in scene.play("judged 1 refuse unsafe") if "ask" in line]


@pytest.mark.parametrize("late_ms", [20, 25, 500])
def test_an_opinion_after_the_deadline_changes_nothing(scene, late_ms):
    scene.play(f"client {adu(1, WRITE).hex()}")
    scene.pass_time(late_ms * MS)
    assert {} == scene.session._turns.asked
    scene.play("judged 1 refuse unsafe")
    assert {} == scene.outcomes(), "it was not refused by it"


def test_what_waits_too_long_for_a_link_is_told_that_there_is_none(scene):
    scene.play(f"client {adu(1, READ).hex()}")
    scene.pass_time(2 * SECOND)
    assert {1: Outcome.UNREACHABLE} == scene.outcomes()


def test_abandoned_requests_leave_nothing_behind(scene):
    for tid in range(10):
        scene.bytes_from_client(adu(tid, READ if tid % 2 else WRITE))
    scene.play("client lost")
    assert {Outcome.ABANDONED} == set(scene.outcomes().values())
    assert ([], 0) == (scene.session._turns.waiting, scene.session.next_timer() if scene.session._turns.asked else 0)


def test_refusals_and_writes_are_counted_for_the_session(scene):
    scene.play(f"client {adu(1, bytes((6, 0, 100, 255, 255))).hex()}")
    scene.play(f"client {adu(2, READ).hex()}")
    assert (1, 1, 2) == (scene.session.refused, scene.session.writes, scene.session.requests)


@pytest.mark.parametrize("fast", [True, False], ids=["hot", "cold"])
def test_a_repeated_read_whose_link_breaks_is_tried_once_more_on_either_path(make_scene, fast):
    scene = make_scene()
    scene.fast = fast
    scene.connect()
    scene.play(f"client {ASKED.hex()}")
    scene.play("link up")
    scene.play(f"device {GOOD.hex()}")
    scene.play(f"client {ASKED.hex()}")
    assert fast == bool(scene.tried_fast)
    assert ["! open link"] == scene.play("link lost")
    assert [] == scene.play("time +5 ms")
    assert 1 == len([line for line in scene.play("link up") if line.startswith("< device")])


def test_a_read_that_the_device_has_seen_is_not_called_unreachable(make_scene):
    scene = make_scene()
    scene.connect()
    scene.play(f"client {ASKED.hex()}")
    scene.play("link up")
    scene.play("link lost")
    said = scene.play("link failed refused")
    assert any(line.endswith("830B") for line in said)
    assert {1: Outcome.TIMED_OUT} == scene.outcomes()


@pytest.mark.parametrize("pdu", ["0600500005", "030000", "0600780005"], ids=["denied", "malformed", "permitted"])
def test_what_waits_while_enforce_begins_is_judged_by_it(make_scene, pdu):
    scene = make_scene(mode=Mode.OBSERVE)
    scene.connect("10.0.0.99" if pdu == "0600500005" else "10.0.0.21")
    size = 1 + len(pdu) // 2
    scene.play(f"client 00010000{size:04X}11{pdu}")
    scene.play("operator mode enforce")
    sent = [line for line in scene.play("link up") if line.startswith("< device")]
    assert (pdu == "0600780005") == bool(sent)
    assert sent or Outcome.REFUSED is scene.outcomes()[1]


def test_a_waiting_read_is_judged_by_the_policy_that_has_come_meanwhile(make_scene):
    scene = make_scene()
    scene.connect()
    scene.play(f"client {ASKED.hex()}")
    scene.play("operator forbid")
    assert not [line for line in scene.play("link up") if line.startswith("< device")]


def test_what_the_shadow_said_unheard_in_observe_counts_when_enforce_begins(make_scene):
    scene = make_scene(mode=Mode.OBSERVE)
    scene.guard.shadow_up = True
    scene.connect()
    scene.play("client 00010000000611060064000A")
    scene.play("judged 1 refuse twin-envelope")
    scene.play("operator mode enforce")
    said = scene.play("link up")
    assert "< client 0001 0000 0003 11 8603" in said
    assert not [line for line in said if line.startswith("< device")]


def test_the_record_of_a_write_whose_opinion_never_came_outlives_its_client(make_scene):
    scene = make_scene(mode=Mode.OBSERVE)
    scene.guard.shadow_up = True
    scene.connect()
    scene.play("client 0001000000061106008C0005")
    scene.play("link up")
    scene.play("client lost")
    said = scene.play("device 0001000000061106008C0005")
    assert scene.session.is_over
    assert {1: Outcome.ABANDONED} == scene.outcomes()
    assert [line for line in said if line.startswith("! record")]


def test_one_look_at_the_clock_ends_all_that_is_due(make_scene):
    scene = make_scene(idle_timeout_s=1)
    scene.connect()
    scene.play(f"client {ASKED.hex()}")
    scene.now += 60 * SECOND
    scene.session.timer(scene.now)
    assert ClientState.CLOSING is scene.session.state


def test_a_read_on_its_second_try_that_is_forbidden_meanwhile_was_seen_by_the_device(make_scene):
    scene = make_scene()
    scene.connect()
    scene.play(f"client {ASKED.hex()}")
    scene.play("link up")
    scene.play("link lost")
    scene.play("operator forbid")
    assert any(line.endswith("830B") for line in scene.play("link up"))
    assert {1: Outcome.TIMED_OUT} == scene.outcomes()


@pytest.mark.parametrize(
    ("unit", "pdu", "reply"), [(17, "08000400A1", "8803"), (17, "0800010000", "8801"), (0, "0600640001", "8602")]
)
def test_what_is_not_forwarded_is_answered_even_where_the_device_would_say_nothing(make_scene, unit, pdu, reply):
    scene = make_scene(downstream="serial")
    scene.connect()
    said = scene.play(f"client 000100000006{unit:02X}{pdu}")
    assert f"< client 0001 0000 0003 {unit:02X} {reply}" in said


def test_a_known_read_is_not_judged_again_on_the_longer_way(make_scene):
    scene = make_scene()
    scene.fast = False
    scene.connect()
    scene.play(f"client {ASKED.hex()}")
    scene.play("link up")
    scene.play(f"device {GOOD.hex()}")
    judged = []
    judge, scene.guard.judge = scene.guard.judge, Watched(scene.guard.judge, judged)
    scene.play(f"client {ASKED.hex()}")
    scene.play(f"device {GOOD.hex()}")
    assert [] == judged
    scene.guard.judge = judge
    scene.guard.forget_verdicts()
    scene.guard.judge = Watched(judge, judged)
    scene.play(f"client {ASKED.hex()}")
    assert 1 == len(judged)


class Watched:
    """A judge that notes when it is asked."""

    def __init__(self, judge, judged):
        self._judge, self._judged = judge, judged

    def __getattr__(self, name):
        return getattr(self._judge, name)

    def decide(self, *args, **options):
        self._judged.append(args)
        return self._judge.decide(*args, **options)
