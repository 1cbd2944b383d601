"""The listening socket of a conduit on a real loop, with callers on loopback."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable
from typing import Any, cast

import pytest

from icsguard.runtime import door
from icsguard.runtime.door import Door, open_doors

LOOPBACK = "127.0.0.1"


class Steps:
    """A loop that turns only when told to: what Door asks of it, and a clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 0.0
        self.reader: Callable[[], None] | None = None
        self.later: list[tuple[float, Callable[[], None]]] = []

    def time(self) -> float:
        return self.now

    def add_reader(self, _descriptor: int, callback: Callable[[], None]) -> None:
        self.reader = callback

    def remove_reader(self, _descriptor: int) -> None:
        self.reader = None

    def call_later(self, seconds: float, callback: Callable[[], None]) -> asyncio.TimerHandle:
        self.later.append((seconds, callback))
        return cast("asyncio.TimerHandle", Alarm(self))

    def turn(self) -> None:
        if self.reader is not None:
            self.reader()


class Alarm:
    """A timer that can be told not to ring."""

    def __init__(self, steps: Steps) -> None:
        self._steps = steps

    def cancel(self) -> None:
        self._steps.later.clear()


class Backlog:
    """A listening socket with callers who wait, or an error."""

    def __init__(self, *found: socket.socket | OSError) -> None:
        self.found = list(found)
        self.closed = False

    def getsockname(self) -> tuple[str, int]:
        return LOOPBACK, 502

    def fileno(self) -> int:
        return 7

    def accept(self) -> tuple[socket.socket, str]:
        found = self.found.pop(0)
        if isinstance(found, OSError):
            raise found
        return found, LOOPBACK

    def close(self) -> None:
        self.closed = True


def _door(*found: socket.socket | OSError) -> tuple[Any, Steps, Any, list[socket.socket]]:
    steps, backlog = Steps(), Backlog(*found)
    inside: list[socket.socket] = []
    opened = Door(backlog, steps, inside.append)  # type: ignore[arg-type]  # doubles
    return opened, steps, backlog, inside


def _callers(count: int) -> list[socket.socket]:
    return [socket.socket() for _ in range(count)]


def _close(socks: list[socket.socket]) -> None:
    for sock in socks:
        sock.close()


def test_one_client_comes_in_each_turn_and_the_next_only_after_a_pause() -> None:
    callers = _callers(2)
    _opened, steps, _backlog, inside = _door(*callers)
    steps.now = door.HURRY_S + 1
    steps.turn()
    assert callers[:1] == inside
    steps.turn()
    assert callers[:1] == inside
    ((pause, again),) = steps.later
    assert pause == door.PAUSE_S
    again()
    steps.turn()
    assert callers == inside
    _close(callers)


def test_after_a_long_turn_of_the_loop_several_come_in_for_each_of_its_milliseconds() -> None:
    callers = _callers(16)
    _opened, steps, _backlog, inside = _door(*callers)
    steps.now = door.HURRY_S + 1
    steps.turn()
    steps.now += 4.6 * door.PAUSE_S
    steps.later.pop()[1]()
    assert callers[: 2 + int(3.6 * door.CATCH_UP)] == inside
    _close(callers)


def test_just_after_the_start_nobody_pauses() -> None:
    callers = _callers(3)
    _opened, steps, _backlog, inside = _door(*callers)
    for count in range(1, 4):
        steps.turn()
        assert callers[:count] == inside
    assert [] == steps.later
    _close(callers)


def test_a_client_that_comes_in_never_blocks_the_loop() -> None:
    (caller,) = _callers(1)
    _opened, steps, _backlog, inside = _door(caller)
    steps.turn()
    assert not inside[0].getblocking()
    _close([caller])


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS])
def test_without_descriptors_the_door_rests_instead_of_spinning(number: int) -> None:
    (caller,) = _callers(1)
    _opened, steps, _backlog, inside = _door(OSError(number, "scarce"), caller)
    steps.turn()
    assert steps.reader is None
    ((pause, again),) = steps.later
    assert pause == door.REST_S
    again()
    steps.turn()
    assert [caller] == inside
    _close([caller])


def test_a_caller_who_left_again_is_nobody() -> None:
    (caller,) = _callers(1)
    _opened, steps, _backlog, inside = _door(ConnectionAbortedError(errno.ECONNABORTED, "gone"), caller)
    steps.turn()
    assert [] == inside
    steps.turn()
    assert [caller] == inside
    _close([caller])


def test_a_closed_door_stays_closed_after_its_pause() -> None:
    (caller,) = _callers(1)
    opened, steps, backlog, _inside = _door(caller)
    steps.now = door.HURRY_S + 1
    steps.turn()
    opened.close()
    assert backlog.closed
    assert steps.reader is None
    assert [] == steps.later
    _close([caller])


def test_real_callers_come_in_and_a_second_door_at_the_same_place_is_refused() -> None:
    async def scene() -> int:
        loop, inside, everybody = asyncio.get_running_loop(), list[socket.socket](), asyncio.Event()

        def enter(sock: socket.socket) -> None:
            inside.append(sock)
            if len(inside) == 5:
                everybody.set()

        (first,) = await open_doors(LOOPBACK, 0, loop, enter)
        with pytest.raises(OSError, match="in use"):
            await open_doors(LOOPBACK, first.port, loop, enter)
        callers = [socket.create_connection((LOOPBACK, first.port)) for _ in range(5)]
        async with asyncio.timeout(5):
            await everybody.wait()
        first.close()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((LOOPBACK, first.port))
        _close([*callers, *inside])
        return len(inside)

    assert asyncio.run(scene()) == 5


def test_both_families_of_an_address_are_opened() -> None:
    async def scene() -> int:
        doors = await open_doors("localhost", 0, asyncio.get_running_loop(), _close_at_once)
        for one in doors:
            one.close()
        return len(doors)

    assert asyncio.run(scene()) >= 1


def _close_at_once(sock: socket.socket) -> None:
    sock.close()
