"""A link of one client: handed over once, judged on return, answered in its place where it fails."""

import pytest

from icsguard.conversation.exchange import MAX_ATTEMPTS
from icsguard.conversation.states import LinkState
from icsguard.core.clock import SECOND
from icsguard.core.transaction import Outcome


def adu(tid, pdu, unit=17):
    return tid.to_bytes(2) + b"\0\0" + (1 + len(pdu)).to_bytes(2) + bytes((unit,)) + pdu


READ = bytes((3, 0, 110, 0, 1))
WRITE = bytes((6, 0, 110, 0, 5))


@pytest.fixture
def alone(make_scene):
    """A scene without a shadow, its link up."""
    scene = make_scene()
    scene.connect()
    scene.bytes_from_client(adu(9, bytes((3, 0, 0, 0, 1))))
    scene.session.link_up(scene.now)
    scene.bytes_from_device(adu(9, b"\x03\x02\0\0"))
    return scene


def sent(lines):
    return [line for line in lines if line.startswith("< device")]


def test_a_read_is_sent_at_most_twice_and_a_write_once(alone):
    reads = sent(alone.play(f"client {adu(1, READ).hex()}"))
    for _ in range(4):
        alone.play("link lost")
        reads += sent(alone.play("link up"))
    assert MAX_ATTEMPTS == len(reads)
    writes = sent(alone.play(f"client {adu(2, WRITE).hex()}"))
    writes += sent(alone.play("link up"))
    alone.play("link lost")
    writes += sent(alone.play("link up"))
    assert 1 == len(writes)
    assert (Outcome.TIMED_OUT, Outcome.UNKNOWN) == (alone.outcomes()[2], alone.outcomes()[3])


def test_an_acknowledged_write_is_what_policy_remembers(alone):
    alone.play(f"client {adu(1, WRITE).hex()}")
    alone.play(f"device {adu(1, WRITE).hex()}")
    assert (5,) in alone.guard.memory.words(17, _law(alone, "paced_17"), alone.now)


def test_a_rejected_write_leaves_what_was_there(alone):
    alone.play(f"client {adu(1, READ).hex()}")
    alone.play(f"device {adu(1, bytes((3, 2, 0, 9))).hex()}")
    alone.play(f"client {adu(2, WRITE).hex()}")
    alone.play(f"device {adu(2, bytes((0x86, 4))).hex()}")
    assert [(9,)] == alone.guard.memory.words(17, _law(alone, "paced_17"), alone.now)


def test_an_unknown_outcome_makes_the_registers_unknown(alone):
    alone.play(f"client {adu(1, READ).hex()}")
    alone.play(f"device {adu(1, bytes((3, 2, 0, 9))).hex()}")
    alone.play(f"client {adu(2, WRITE).hex()}")
    alone.pass_time(SECOND)
    assert [] == alone.guard.memory.words(17, _law(alone, "paced_17"), alone.now)


def _law(scene, name):
    law = next(law for _, law in scene.guard.judge._points.all if law.point.name == name)
    if not scene.guard.memory.watches(17, law.point.table, law.span):
        pytest.skip("this policy does not need the point's values")
    return law


def test_nothing_new_is_sent_on_a_link_that_is_not_trusted(alone):
    alone.play(f"client {adu(1, READ).hex()}")
    alone.play(f"device {adu(7, bytes((3, 2, 0, 9))).hex()}")
    assert LinkState.DRAINING is alone.session.link.state
    assert [] == sent(alone.play(f"client {adu(2, READ).hex()}"))
    said = alone.play(f"device {adu(1, bytes((3, 2, 0, 9))).hex()}")
    assert "! close link" in said
    assert "! open link" in said
    assert 1 == len(sent(alone.play("link up")))


@pytest.mark.parametrize("mode", ["observe", "learn"])
def test_a_misshapen_answer_passes_where_nothing_is_enforced(alone, mode):
    alone.play(f"operator mode {mode}")
    alone.play(f"client {adu(1, READ).hex()}")
    said = alone.play(f"device {adu(1, bytes((3, 4, 0, 9, 0, 9))).hex()}")
    assert f"< client 0001 0000 0007 11 {bytes((3, 4, 0, 9, 0, 9)).hex().upper()}" in said
    assert any("would-be-refuse response-length" in line for line in said)


@pytest.mark.parametrize("pdu", [bytes((4, 2, 0, 9)), bytes((0x84, 2))])
def test_another_function_never_passes(alone, pdu):
    alone.play("operator mode observe")
    alone.play(f"client {adu(1, READ).hex()}")
    assert "< client 0001 0000 0003 11 830B" in alone.play(f"device {adu(1, pdu).hex()}")


def test_an_acknowledged_long_command_may_have_happened(alone):
    alone.play(f"client {adu(1, READ).hex()}")
    alone.play(f"device {adu(1, bytes((3, 2, 0, 9))).hex()}")
    alone.play(f"client {adu(2, WRITE).hex()}")
    assert "< client 0002 0000 0003 11 8605" in alone.play(f"device {adu(2, bytes((0x86, 5))).hex()}")
    assert [] == alone.guard.memory.words(17, _law(alone, "paced_17"), alone.now)


def test_a_write_under_a_changed_policy_is_judged_by_it_and_may_still_go(scene):
    scene.play(f"client {adu(1, WRITE).hex()}")
    scene.guard.delivered(scene.session._turns.waiting[0].meaning._replace(accesses=(), changes=()), scene.now)
    scene.play("judged 1 allow")
    assert 1 == len(sent(scene.play("link up")))
