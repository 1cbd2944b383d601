"""The two ends of one conversation on the wire: sockets that feed a `Session` and carry out its commands.

uvloop (or asyncio) Protocols, no streams, no task or timer per transaction. On the hot path the bytes object that was
read from one socket is written to the other.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import TYPE_CHECKING, Final, cast

from icsguard.conversation.api import Ask, CloseClient, CloseLink, Command, OpenLink, Talk, ToClient, ToDevice
from icsguard.conversation.session import Session
from icsguard.runtime.dialing import dial
from icsguard.runtime.tasks import spawn

if TYPE_CHECKING:
    from icsguard.runtime._wire import End
    from icsguard.runtime.listener import Listener

HIGH_WATER: Final = 64 * 1024
"""Bytes queued towards one peer before the other side is not read any more: some 250 largest ADUs."""
MAX_TAKEN: Final = 4 * 1024
"""Bytes of one client that are judged in one turn of the loop: some 340 requests, about a millisecond. The rest waits
in memory while others have their turn, and the client is not read until it is through."""
FEW: Final = 2
"""Commands of one event that are sent one by one; more are gathered, because each call of the kernel costs."""
CLOSE_GRACE_S: Final = 2.0
"""A closed client may take its last answers for so long."""
KEEPALIVE_IDLE_S: Final = 30
KEEPALIVE_EVERY_S: Final = 10
KEEPALIVE_PROBES: Final = 3
"""A peer that vanished without FIN is noticed within a minute."""
USER_TIMEOUT_MS: Final = 30_000
"""Unacknowledged bytes this old end a connection (TCP_USER_TIMEOUT)."""

_TURNS: Final = object()
"""Stalls a client whose last stretch is not through yet."""


class ClientEnd(asyncio.Protocol):
    """The client's connection, and through it the whole conversation."""

    def __init__(self, listener: Listener) -> None:
        self.listener = listener
        self.device = DeviceEnd(self)
        self.transport: asyncio.Transport | None = None
        self.session: Talk | None = None
        self.own: Session | None = None
        """The same where it has a device link of its own."""
        self.stalled = set[object]()
        """Whose buffer is full: while anybody is here, the client is not read."""
        self.wired: End | None = None
        """Where the compiled core reads and writes its socket."""
        self._may_wire = True
        self._now = listener.clock.now
        self._connecting: asyncio.Task[object] | None = None
        self._rest = b""
        """What the client sent and had no turn yet."""
        self._eof = False

    # What the socket says.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client connected: it gets a session, or is closed where a bound is reached."""
        self.transport = cast("asyncio.Transport", transport)
        self.session = self.listener.admit(self)
        if self.session is None:
            self.transport.abort()
            return
        self.own = self.session if isinstance(self.session, Session) else None
        tune(self.transport)

    def data_received(self, data: bytes) -> None:
        """Bytes from the client."""
        session = self.own
        if session is None:
            return
        if not self._rest and session.request_passes(data, self._now()):
            self.device.write(data)
        else:
            self.take(data)

    @property
    def has_rest(self) -> bool:
        """Say whether a long stretch is not through yet."""
        return bool(self._rest)

    def take(self, data: bytes) -> None:
        """Take bytes that are more than one known read."""
        if self._rest or len(data) > MAX_TAKEN:
            self._take_in_turns(data)
        elif self.session is not None:
            self.run(self.session.client_bytes(data, self._now()))
        if self._may_wire:
            self._attach()

    def _attach(self) -> None:
        """Let the compiled core, where there is one, read the socket from now on."""
        self._may_wire = False
        wire, session, transport = self.listener.wire, self.own, self.transport
        if wire is not None and session is not None and transport is not None and not self._eof:
            self.wired = wire.attach(transport, session.request_passes, self.take, answers=False)
            if self.wired is not None and self.stalled:
                self.wired.read(False)  # noqa: FBT003 - positional in C
            self.device.attach()

    def write(self, data: bytes, *, several: bool = False) -> None:
        """Write to the client, if it is there; `several` follow each other, and go in one piece."""
        if self.wired is not None and several:
            self.wired.queue(data)
        elif self.wired is not None:
            self.wired.write(data)
        elif self.transport is not None:
            self.transport.write(data)

    def _take_in_turns(self, data: bytes) -> None:
        """Take a long stretch piece by piece, so that nobody else waits for it."""
        waits = bool(self._rest)
        self._rest += data
        if not waits:
            self.stall(_TURNS)
            self._take_piece()

    def _take_piece(self) -> None:
        session = self.session
        if session is None or self.transport is None:
            return
        piece, self._rest = self._rest[:MAX_TAKEN], self._rest[MAX_TAKEN:]
        self.run(session.client_bytes(piece, self._now()))
        if self._rest:
            self.listener.loop.call_soon(self._take_piece)
            return
        self.unstall(_TURNS)
        if self._eof:
            self.run(session.client_eof(self._now()))

    def eof_received(self) -> bool:
        """The client half-closed: it still gets its answers, so the transport stays open."""
        self._eof = True
        if self.session is not None and not self._rest:
            self.listener.leaving.take(self._client_eof)
        return True

    def _client_eof(self) -> None:
        if self.session is not None:
            self.run(self.session.client_eof(self._now()))

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone."""
        del exc
        self.transport = None
        self._unwire()
        if self.session is not None:
            self.listener.leaving.take(self._client_lost)

    def _client_lost(self) -> None:
        if self.session is not None:
            self.run(self.session.client_lost(self._now()))

    def pause_writing(self) -> None:
        """The client does not read: take nothing more from either side."""
        self.stall(self)
        self.device.read(on=False)

    def resume_writing(self) -> None:
        """The client reads again."""
        self.device.read(on=True)
        self.unstall(self)

    def stall(self, who: object) -> None:
        """Read nothing more from the client: a buffer is full."""
        self.stalled.add(who)
        self._read(on=False)

    def unstall(self, who: object) -> None:
        """Read from the client again, unless another buffer is full."""
        self.stalled.discard(who)
        if not self.stalled:
            self._read(on=True)

    def _read(self, *, on: bool) -> None:
        if self.wired is not None:
            self.wired.read(on)
        else:
            read_on(self.transport, on=on)

    def _unwire(self) -> None:
        if self.wired is not None:
            self.wired.detach()
            self.wired = None

    # What the session says.

    def run(self, commands: list[Command]) -> None:
        """Carry out commands in order, and what they leave to do."""
        self.run_own(commands)
        if self.listener.pool is not None:
            self.listener.pool.carry_out()

    def run_own(self, commands: list[Command]) -> None:
        """Carry out commands in order; what other clients get of it follows from `run`."""
        several = len(commands) > FEW
        for command in commands:
            if isinstance(command, ToClient):
                self.write(command.data, several=several)
            elif isinstance(command, ToDevice):
                self.device.write(command.data, several=several)
            elif isinstance(command, Ask):
                self.listener.ask(self, command)
            else:
                self._on_links(command)
        self.listener.after(self)

    def _on_links(self, command: OpenLink | CloseLink | CloseClient) -> None:
        match command:
            case OpenLink():
                self._connecting = spawn(self._connect(), "device-link")
            case CloseLink():
                self._close_link()
            case CloseClient():
                self._close_client()

    def _close_client(self) -> None:
        """Close after what was written; a client that does not take it is cut off all the same."""
        if self.transport is not None:
            self._unwire()
            self.transport.close()
            asyncio.get_running_loop().call_later(CLOSE_GRACE_S, self.transport.abort)

    async def _connect(self) -> None:
        session, conduit = cast("Session", self.own), self.listener.conduit
        device, self.device = self.device, DeviceEnd(self)
        self.unstall(device)
        device.end()
        try:
            await dial(lambda: self.device, conduit.device_host, conduit.device_port, conduit.connect_timeout_ms)
        except (OSError, TimeoutError) as error:
            self._connecting = None
            self.run(session.link_failed(why(error), self._now()))
            return
        self._connecting = None
        if self.device.transport is None:  # it took the call and hung up before we could say a word
            self.run(session.link_failed("closed at once by the device", self._now()))
        else:
            self.run(session.link_up(self._now()))

    def _close_link(self) -> None:
        if self._connecting is not None:
            self._connecting.cancel()
            self._connecting = None
        self.device.end()


class DeviceEnd(asyncio.Protocol):
    """One connection to the device."""

    __slots__ = ("_client", "_ended", "_may_wire", "transport", "wired")

    def __init__(self, client: ClientEnd) -> None:
        self._client: ClientEnd | None = client
        """Whose it is; None once it has ended, so that neither keeps the other for the garbage collector."""
        self._ended = False
        self._may_wire = True
        self.transport: asyncio.Transport | None = None
        self.wired: End | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The device took the call."""
        self.transport = cast("asyncio.Transport", transport)
        if self._ended:
            self.transport.abort()
            return
        tune(self.transport)
        client = self._client
        if client is not None and client in client.stalled:
            self.transport.pause_reading()

    def data_received(self, data: bytes) -> None:
        """Bytes from the device."""
        client = self._client
        session = client.own if client is not None else None
        if client is None or session is None:
            return
        now = client.listener.clock.now()
        if session.response_passes(data, now):
            client.write(data)
            client.listener.outlet.note()
        else:
            client.run(session.link_bytes(data, now))
            if self._may_wire:
                self.attach()

    def attach(self) -> None:
        """Let the compiled core pass known reads between the client's socket and this one, once both are there."""
        client, transport = self._client, self.transport
        if client is None or client.wired is None or transport is None:
            return
        wire, session = client.listener.wire, client.own
        if wire is None or session is None:
            return
        self._may_wire = False
        self.wired = wire.attach(transport, session.response_passes, self._take, answers=True)
        if self.wired is not None:
            self.wired.join(client.wired)
            if client in client.stalled:
                self.wired.read(False)  # noqa: FBT003 - positional in C

    def _take(self, data: bytes) -> None:
        client = self._client
        session = client.own if client is not None else None
        if client is not None and session is not None:
            client.run(session.link_bytes(data, client.listener.clock.now()))

    def read(self, *, on: bool) -> None:
        """Read from the device, or leave what arrives with the kernel."""
        if self.wired is not None:
            self.wired.read(on)
        else:
            read_on(self.transport, on=on)

    def _unwire(self) -> None:
        if self.wired is not None:
            self.wired.detach()
            self.wired = None

    def connection_lost(self, exc: Exception | None) -> None:
        """The device closed or the link broke."""
        self.transport = None
        self._unwire()
        client, self._client = self._client, None
        session = client.own if client is not None else None
        if client is not None and session is not None:
            self._ended = True
            reason = why(exc) if exc is not None else "closed by the device"
            client.run(session.link_lost(reason, client.listener.clock.now()))

    def pause_writing(self) -> None:
        """The device does not read: take nothing more from the client."""
        if self._client is not None:
            self._client.stall(self)

    def resume_writing(self) -> None:
        """The device reads again."""
        if self._client is not None:
            self._client.unstall(self)

    def write(self, data: bytes, *, several: bool = False) -> None:
        """Hand bytes to the device's socket, once; `several` follow each other, and go in one piece."""
        if self.wired is not None and several:
            self.wired.queue(data)
        elif self.wired is not None:
            self.wired.write(data)
        elif self.transport is not None:
            self.transport.write(data)

    def end(self) -> None:
        """Close the connection; nothing that still comes from it matters."""
        self._ended = True
        self._client = None
        self._unwire()
        if self.transport is not None:
            self.transport.abort()


def tune(transport: asyncio.Transport) -> None:
    """Set what both sides need: no delay, a bounded buffer, and an end to half-open connections."""
    transport.set_write_buffer_limits(high=HIGH_WATER)
    sock = transport.get_extra_info("socket")
    if sock is None:
        return
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEPALIVE_IDLE_S)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, KEEPALIVE_EVERY_S)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, KEEPALIVE_PROBES)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT_MS)


def read_on(transport: asyncio.Transport | None, *, on: bool) -> None:
    """Read from a socket, or leave what arrives with the kernel."""
    if transport is not None and not transport.is_closing():
        (transport.resume_reading if on else transport.pause_reading)()


def why(error: BaseException) -> str:
    """Return why a connection failed, in words."""
    if isinstance(error, TimeoutError):
        return "no answer to the call in time"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
