"""The client's side is the same on a link of its own and on shared ones."""

import pytest

from icsguard.conversation.api import CloseClient, ToClient
from icsguard.conversation.dialogue import MAX_FOREIGN_RUN
from icsguard.conversation.states import ClientState
from icsguard.core.clock import SECOND


def adu(tid, pdu, unit=17, protocol=0):
    return b"".join(n.to_bytes(2) for n in (tid, protocol, 1 + len(pdu))) + bytes((unit,)) + pdu


READ = bytes((3, 0, 0, 0, 1))


@pytest.fixture(params=["own link", "shared links"])
def opened(request, make_scene, make_pool):
    """A scene of either kind and its one session."""
    scene = make_scene() if request.param == "own link" else make_pool()
    return scene, scene.connect()


def test_foreign_frames_in_a_row_close_the_connection(opened):
    scene, session = opened
    commands = []
    for _ in range(MAX_FOREIGN_RUN):
        commands += session.client_bytes(adu(1, READ, protocol=7), scene.now)
    assert [CloseClient("finished")] == commands


def test_bytes_that_are_not_modbus_close_the_connection(opened):
    scene, session = opened
    assert [CloseClient("finished")] == session.client_bytes(b"GET / HTTP/1.1\r\n", scene.now)


def test_a_half_received_request_may_be_so_old(opened):
    scene, session = opened
    session.client_bytes(adu(1, READ)[:5], scene.now)
    due = session.next_timer()
    assert scene.now + 10 * SECOND == due
    assert [CloseClient("finished")] == session.timer(due)


def test_a_request_that_is_completed_ends_the_time_of_its_half_and_not_of_the_next_one(opened):
    scene, session = opened
    two = adu(1, READ) + adu(2, READ)
    session.client_bytes(two[:5], scene.now)
    scene.now += 8 * SECOND
    session.client_bytes(two[5:17], scene.now)
    assert CloseClient("finished") not in session.timer(scene.now + 3 * SECOND)
    assert ClientState.OPEN is session.state


def test_a_silent_client_is_closed(opened):
    scene, session = opened
    assert scene.now + 3600 * SECOND == session.next_timer()
    assert [CloseClient("finished")] == session.timer(session.next_timer())


def test_a_request_larger_than_the_device_takes_is_refused(make_scene):
    scene = make_scene(max_pdu=64)
    session = scene.connect()
    commands = session.client_bytes(adu(1, bytes((3, 0, 0, 0, 32))), scene.now)
    assert [ToClient(adu(1, bytes((0x83, 3))))] == commands


def test_a_client_that_half_closed_gets_its_end_when_nothing_is_owed(opened):
    scene, session = opened
    assert [CloseClient("finished")] == session.client_eof(scene.now)
    assert ClientState.HALF_CLOSED is session.state
