"""Ends on a wire: what passes, what does not, and what goes back to the transport."""

import asyncio
import socket
import sys

import pytest

from icsguard.runtime.wire import open_wire

ON, OFF = True, False


class Owner(asyncio.Protocol):
    """A protocol that keeps what its transport tells."""

    def __init__(self):
        self.got, self.ended, self.transport, self.eof = [], [], None, 0

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.got.append(data)

    def eof_received(self):
        self.eof += 1
        return True

    def connection_lost(self, exc):
        self.ended.append(exc)


class Scene:
    """Two attached ends, their far sides as plain sockets, and what passes: whatever begins with `+`."""

    def __init__(self, wire, far, owners, ends):
        self.wire, self.far, self.owners, self.ends = wire, far, owners, ends


@pytest.fixture
async def scene(wire_extension, monkeypatch):
    monkeypatch.setitem(sys.modules, "icsguard.runtime._wire", wire_extension)
    loop = asyncio.get_running_loop()
    notes, asked = [], []
    wire = open_wire(loop, 1000, lambda: notes.append(1))
    far, owners, ends, taken = [], [], [], [[], []]

    def passes(data, now):
        asked.append(now)
        return data.startswith(b"+")

    for side in (0, 1):
        near, away = socket.socketpair()
        away.settimeout(0)
        _, owner = await loop.create_connection(Owner, sock=near)
        await asyncio.sleep(0)
        far.append(away)
        owners.append(owner)
        ends.append(wire.attach(owner.transport, passes, taken[side].append, answers=side == 1))
    ends[0].join(ends[1])
    made = Scene(wire, far, owners, ends)
    made.notes, made.asked, made.taken = notes, asked, taken
    yield made
    for end, owner in zip(ends, owners, strict=True):
        end.detach()
        owner.transport.abort()
    wire.close()
    for away in far:
        away.close()
    await asyncio.sleep(0.01)


async def heard(sock, count=65536):
    return await asyncio.wait_for(asyncio.get_running_loop().sock_recv(sock, count), 2)


async def test_what_passes_goes_to_the_other_end_as_it_is(scene):
    scene.far[0].send(b"+known")
    assert b"+known" == await heard(scene.far[1])
    scene.far[1].send(b"+answer")
    assert b"+answer" == await heard(scene.far[0])
    assert [[], []] == scene.taken


async def test_only_what_passes_from_the_answering_side_is_noted(scene):
    scene.far[0].send(b"+known")
    await heard(scene.far[1])
    assert [] == scene.notes
    scene.far[1].send(b"+answer")
    await heard(scene.far[0])
    assert [1] == scene.notes


async def test_what_does_not_pass_is_handed_to_the_owner(scene, wait_until):
    scene.far[0].send(b"-other")
    await wait_until(lambda: scene.taken[0])
    assert [b"-other"] == scene.taken[0]
    with pytest.raises(BlockingIOError):
        scene.far[1].recv(1)


async def test_the_time_that_is_told_is_the_steady_clock_and_its_anchor(scene, wait_until):
    before = asyncio.get_running_loop().time()
    scene.far[0].send(b"-")
    await wait_until(lambda: scene.asked)
    assert before <= (scene.asked[0] - 1000) / 1e9 <= asyncio.get_running_loop().time()


async def test_long_data_is_never_asked_about(scene, wait_until):
    scene.far[0].send(b"+" * 521)
    await wait_until(lambda: scene.taken[0])
    assert ([b"+" * 521], []) == (scene.taken[0], scene.asked)


async def test_more_than_one_turn_takes_is_read_to_its_end_without_anything_new(scene, wait_until):
    sent = scene.far[0].send(b"-" * 1_000_000)
    assert 65536 < sent, "one turn would have taken it all"
    await wait_until(lambda: sent <= sum(map(len, scene.taken[0])))
    assert sent == sum(map(len, scene.taken[0]))


async def test_a_paused_end_leaves_its_data_with_the_kernel(scene, wait_until):
    scene.ends[0].read(OFF)
    scene.far[0].send(b"-later")
    await asyncio.sleep(0.02)
    assert [] == scene.taken[0]
    scene.ends[0].read(ON)
    await wait_until(lambda: scene.taken[0])


async def test_an_end_that_half_closes_goes_back_to_its_transport_with_all_it_sent(scene, wait_until):
    scene.far[0].send(b"-last words")
    scene.far[0].shutdown(socket.SHUT_WR)
    await wait_until(lambda: scene.owners[0].eof)
    assert b"-last words" == b"".join(scene.taken[0] + scene.owners[0].got)
    assert not scene.ends[0].is_attached
    scene.ends[0].write(b"still answered")
    assert b"still answered" == await heard(scene.far[0])


async def test_after_one_side_went_back_nothing_passes_from_the_other(scene, wait_until):
    scene.far[0].shutdown(socket.SHUT_WR)
    await wait_until(lambda: scene.owners[0].eof)
    scene.far[1].send(b"+nobody")
    await wait_until(lambda: scene.taken[1])
    assert [b"+nobody"] == scene.taken[1]


async def test_a_reset_is_told_by_the_transport(scene, wait_until):
    scene.far[1].close()
    await wait_until(lambda: scene.owners[1].eof or scene.owners[1].ended)
    assert not scene.ends[1].is_attached


async def test_what_the_socket_does_not_take_is_queued_and_nothing_overtakes_it(scene):
    large = bytes(range(256)) * 8192
    scene.ends[0].write(large)
    scene.ends[0].write(b"after it")
    scene.ends[0].queue(b", and after that")
    wanted, got = large + b"after it, and after that", b""
    while len(got) < len(wanted):
        got += await heard(scene.far[0])
    assert wanted == got
    await asyncio.sleep(0.01)
    scene.ends[0].write(b"direct again")
    assert b"direct again" == await heard(scene.far[0])


async def test_a_detached_end_is_its_transports_again(scene, wait_until):
    scene.ends[0].detach()
    scene.far[0].send(b"+x")
    scene.ends[0].read(ON)
    await wait_until(lambda: scene.owners[0].got)
    assert [b"+x"] == scene.owners[0].got


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_a_bug_of_ours_ends_one_connection_and_no_other(wire_extension, scene, wait_until, monkeypatch):
    told = []
    monkeypatch.setattr(sys, "unraisablehook", told.append)
    loop = asyncio.get_running_loop()
    near, away = socket.socketpair()
    _, owner = await loop.create_connection(Owner, sock=near)

    def broken(data):
        raise ValueError(data)

    end = scene.wire.attach(owner.transport, lambda data, now: False, broken, answers=False)
    away.send(b"x")
    await wait_until(lambda: owner.ended)
    assert ["ValueError"] == [one.exc_type.__name__ for one in told]
    assert not end.is_attached
    scene.far[0].send(b"+known")
    assert b"+known" == await heard(scene.far[1])
    away.close()


async def test_an_owner_that_ends_both_in_one_turn_does_no_harm(wire_extension, scene, wait_until):
    loop = asyncio.get_running_loop()
    pairs = [socket.socketpair() for _ in range(2)]
    owners = [(await loop.create_connection(Owner, sock=near))[1] for near, _ in pairs]
    ends, calls = [], []

    def received(data):
        calls.append(data)
        for one in ends:
            one.detach()

    ends += [scene.wire.attach(one.transport, lambda data, now: False, received, answers=False) for one in owners]
    for _, away in pairs:
        away.send(b"x")
    await wait_until(lambda: calls)
    await asyncio.sleep(0.02)
    assert [b"x"] == calls, "the second was ended by the first, before its turn"
    for owner, (_, away) in zip(owners, pairs, strict=True):
        owner.transport.abort()
        away.close()


async def test_without_the_extension_there_is_no_wire(monkeypatch):
    monkeypatch.setitem(sys.modules, "icsguard.runtime._wire", None)
    assert open_wire(asyncio.get_running_loop(), 0, lambda: None) is None
