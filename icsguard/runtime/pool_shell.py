"""Shared device links on the wire: the sockets of a `conversation.pool.Pool`, and client ends that ride on them.

Like modbus_shell, without a device connection for each client: what comes from a shared link is brought by the pool to
the sessions it concerns, and their commands are carried out by their own ends.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, cast

from icsguard.conversation.api import CloseLink, OpenLink, ToDevice
from icsguard.conversation.pooled import PooledSession
from icsguard.runtime.dialing import dial
from icsguard.runtime.modbus_shell import MAX_TAKEN, ClientEnd, tune, why
from icsguard.runtime.tasks import spawn

if TYPE_CHECKING:
    from icsguard.conversation.pool import Pool
    from icsguard.runtime.listener import Listener

MAX_ROUNDS: Final = 10_000
"""Rounds of letting sessions speak after one event; each needs progress of some request, so this is never reached."""


class LaneEnd(asyncio.Protocol):
    """One shared connection to the device."""

    __slots__ = ("_ended", "_index", "_shell", "transport")

    def __init__(self, shell: PoolShell, index: int) -> None:
        self._shell = shell
        self._index = index
        self._ended = False
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The device took the call."""
        self.transport = cast("asyncio.Transport", transport)
        if self._ended:
            self.transport.abort()
            return
        tune(self.transport)

    def data_received(self, data: bytes) -> None:
        """Bytes from the device."""
        if not self._ended:
            self._shell.bytes_from(self._index, data)

    def connection_lost(self, exc: Exception | None) -> None:
        """The device closed or the link broke."""
        self.transport = None
        if not self._ended:
            self._ended = True
            shell = self._shell
            shell.pool.lane_lost(self._index, why(exc) if exc is not None else "closed by the device", shell.now())
            shell.carry_out()

    def pause_writing(self) -> None:
        """The device does not read: nothing more goes this way."""
        self._shell.pool.lane_stalled(self._index, self._shell.now(), stalled=True)

    def resume_writing(self) -> None:
        """The device reads again."""
        self._shell.pool.lane_stalled(self._index, self._shell.now(), stalled=False)
        self._shell.carry_out()

    def write(self, data: bytes) -> None:
        """Hand bytes to the device's socket, once."""
        if self.transport is not None:
            self.transport.write(data)

    def end(self) -> None:
        """Close the connection; nothing that still comes from it matters."""
        self._ended = True
        if self.transport is not None:
            self.transport.abort()


class PoolShell:
    """The sockets of one pool."""

    def __init__(self, listener: Listener, pool: Pool) -> None:
        self.pool = pool
        self.now = listener.clock.now
        self._listener = listener
        self._ends = [LaneEnd(self, lane.index) for lane in pool.lanes]
        self._connecting: dict[int, asyncio.Task[object]] = {}

    def bytes_from(self, index: int, data: bytes) -> None:
        """Bring what the device sent to whom it concerns."""
        now = self.now()
        passed = self.pool.response_passes(index, data, now)
        if passed is None:
            self.pool.lane_bytes(index, data, now)
            self.carry_out()
            return
        session, answer = passed
        end = self._listener.ends.get(session.flow)
        if end is not None and end.transport is not None:
            end.transport.write(answer)
        self._listener.outlet.note()
        if self.pool.ring.count:
            self.pool.serve(now)
            self.carry_out()

    def write(self, index: int, data: bytes) -> None:
        """Send on a link."""
        self._ends[index].write(data)

    def carry_out(self) -> None:
        """Carry out what the pool wants, and let sessions say what they have for their clients, until all is said."""
        pool = self.pool
        for _ in range(MAX_ROUNDS):
            self._do()
            if not pool.touched:
                break
            flow, session = pool.touched.popitem()
            end = self._listener.ends.get(flow)
            commands = session.flush(self.now())
            if end is not None:
                end.run_own(commands)
        if pool.ring.count:
            self._listener.arm(pool.next_turn(self.now()))

    def timer(self, now: int) -> None:
        """Do what is due."""
        self.pool.timer(now)
        self.carry_out()
        self._listener.arm(self.pool.next_timer(now))  # a new deadline is more than a tick away: seen here in time

    def renew(self) -> None:
        """Call the device anew: its address changed."""
        self.pool.renew(self.now())
        self.carry_out()

    def close(self) -> None:
        """Close all links now."""
        for task in self._connecting.values():
            task.cancel()
        for end in self._ends:
            end.end()

    def _do(self) -> None:
        commands, self.pool.commands = self.pool.commands, []
        for index, command in commands:
            match command:
                case ToDevice(data):
                    self._ends[index].write(data)
                case OpenLink():
                    self._connecting[index] = spawn(self._connect(index), "shared-link")
                case CloseLink():
                    self._close(index)
                case _:
                    raise AssertionError(command)

    def _close(self, index: int) -> None:
        task = self._connecting.pop(index, None)
        if task is not None:
            task.cancel()
        self._ends[index].end()

    async def _connect(self, index: int) -> None:
        conduit = self._listener.conduit
        self._ends[index].end()
        end = self._ends[index] = LaneEnd(self, index)
        try:
            await dial(lambda: end, conduit.device_host, conduit.device_port, conduit.connect_timeout_ms)
        except (OSError, TimeoutError) as error:
            self._connecting.pop(index, None)
            self.pool.lane_failed(index, why(error), self.now())
        else:
            self._connecting.pop(index, None)
            if end.transport is None:  # it took the call and hung up before we could say a word
                self.pool.lane_failed(index, "closed at once by the device", self.now())
            else:
                self.pool.lane_up(index, self.now())
        self.carry_out()


class PooledEnd(ClientEnd):
    """The connection of a client whose requests travel on shared links."""

    def data_received(self, data: bytes) -> None:
        """Bytes from the client."""
        session, shell = self.session, self.listener.pool
        if not isinstance(session, PooledSession) or shell is None:
            return
        if not self.has_rest and len(data) <= MAX_TAKEN:
            passed = session.request_passes(data, self._now())
            if passed is not None:
                shell.write(*passed)
                return
        self.take(data)

    def pause_writing(self) -> None:
        """The client does not read: take nothing more from it. What it asked already is bounded and is kept for it."""
        self.stall(self)

    def resume_writing(self) -> None:
        """The client reads again."""
        self.unstall(self)
