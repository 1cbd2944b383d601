"""What every way to the device has in common: one end for each request, and what it proves."""

import pytest

from icsguard.conversation.api import ToClient
from icsguard.conversation.exchange import MAX_ATTEMPTS, Exchange
from icsguard.core.decision import Mode
from icsguard.core.transaction import Outcome


def adu(tid, pdu, unit=17):
    return tid.to_bytes(2) + b"\0\0" + (1 + len(pdu)).to_bytes(2) + bytes((unit,)) + pdu


READ = adu(1, bytes((3, 0, 0, 0, 1)))
GOOD = adu(1, bytes((3, 2, 0, 7)))


def test_an_exchange_without_a_way_to_the_device_cannot_be_made(new_guard):
    with pytest.raises(TypeError):
        Exchange(new_guard(), None, 1)


@pytest.mark.parametrize("shared", [False, True], ids=["own link", "shared link"])
def test_a_read_has_so_many_attempts_on_either_kind_of_link(make_scene, make_pool, shared):
    if shared:
        scene = make_pool()
        scene.ask(scene.connect(), READ)
        for _ in range(4):
            scene.up()
            scene.lose()
        sent = len(scene.sent)
    else:
        scene = make_scene()
        scene.connect()
        said = scene.play(f"client {READ.hex()}")
        for _ in range(4):
            said += scene.play("link up") + scene.play("link lost")
        sent = len([line for line in said if line.startswith("< device")])
    assert MAX_ATTEMPTS == sent
    assert [Outcome.TIMED_OUT] == list(scene.outcomes().values())


def test_an_answer_to_a_client_that_left_is_an_abandoned_request(make_pool):
    scene = make_pool()
    client = scene.connect()
    scene.ask(client, READ)
    scene.up()
    scene.leave(client)
    scene.answer()
    assert [Outcome.ABANDONED] == list(scene.outcomes().values())


@pytest.mark.parametrize("shared", [False, True], ids=["own link", "shared link"])
def test_the_answer_to_a_request_too_large_for_the_device_is_judged_all_the_same(make_scene, make_pool, shared):
    raw = adu(1, bytes((3, 0, 0, 0, 32)))
    scene = (make_pool if shared else make_scene)(max_pdu=64, mode=Mode.OBSERVE)
    session = scene.connect()
    answer = adu(0 if shared else 1, bytes((3, 2, 0, 7)))
    if shared:
        scene.ask(session, raw)
        scene.up()
        scene.guard.set_mode(Mode.ENFORCE)
        scene.device(answer)
        told = scene.got[session.flow]
    else:
        scene.play(f"client {raw.hex()}")
        scene.play("link up")
        scene.guard.set_mode(Mode.ENFORCE)
        told = [c.data for c in scene.bytes_from_device(answer) if isinstance(c, ToClient)]
    assert [adu(1, b"\x83\x0b")] == told, "one word is not thirty-two"
