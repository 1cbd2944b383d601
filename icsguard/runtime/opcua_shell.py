"""The two ends of one OPC UA conversation on the wire: sockets and threads that feed a session and do what it says.

As `modbus_shell`, with what OPC UA adds: RSA work goes to threads, either side stays unread while the session says so,
and one client may have several device connections one after the other.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, cast

from icsguard.conversation.api import Ask, CloseClient, CloseLink, OpenLink, ToClient, ToDevice
from icsguard.conversation.opcua.api import Job
from icsguard.conversation.opcua.passthrough import Passed
from icsguard.runtime.dialing import dial
from icsguard.runtime.modbus_shell import ClientEnd, DeviceEnd, tune, why
from icsguard.runtime.tasks import spawn

if TYPE_CHECKING:
    from icsguard.conversation.opcua.api import Command
    from icsguard.conversation.opcua.terminate import Terminated
    from icsguard.runtime.opcua_listener import UaListener

_SESSION: Final = object()
"""Stalls a client while the session does not want to hear it."""


class UaClientEnd(ClientEnd):
    """A client's connection, and through it the whole conversation."""

    def __init__(self, listener: UaListener) -> None:
        super().__init__(listener)
        self.jobs = listener.jobs
        self.device = UaDeviceEnd(self)
        self.talk: Terminated | Passed | None = None
        """The session; None before it was admitted."""
        self.passing: Passed | None = None
        """The same where the peers' own channel passes: what it knows goes on without commands."""
        self._hears_client = True
        self._hears_device = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client connected: it gets a session, or is closed where a bound is reached."""
        super().connection_made(transport)
        self.talk = cast("Terminated | Passed | None", self.session)
        self.passing = self.talk if isinstance(self.talk, Passed) else None

    def data_received(self, data: bytes) -> None:
        """Bytes from the client."""
        talk = self.talk
        if talk is None:
            return
        if self.passing is not None:
            known = self.passing.request_passes(data, self._now())
            if known:
                self.device.write(known)
                self.listener.outlet.note()
                return
        self.run(talk.client_bytes(data, self._now()))

    def pause_writing(self) -> None:
        """The client does not read: take nothing more from either side."""
        self.stall(self)
        self._heed()

    def resume_writing(self) -> None:
        """The client reads again."""
        self.unstall(self)
        self._heed()

    def run(self, commands: list[Command]) -> None:  # type: ignore[override]  # it knows one command more
        """Carry out commands in order."""
        for command in commands:
            if isinstance(command, ToClient):
                if self.transport is not None:
                    self.transport.write(command.data)
            elif isinstance(command, ToDevice):
                self.device.write(command.data)
            else:
                self._do(command)
        self._heed()
        self.listener.after(self)

    def _do(self, command: Command) -> None:
        """Carry out a command that is no mere forwarding."""
        match command:
            case Job():
                self._start(command)
            case Ask():
                self.listener.ask(self, command)
            case OpenLink():
                self._connecting = spawn(self._connect(), "device-link")
            case CloseLink():
                self._close_link()
            case CloseClient():
                self._close_client()

    def _start(self, job: Job) -> None:
        def done(result: object) -> None:
            if self.talk is not None:
                self.run(self.talk.job_done(job.id, result, self._now()))

        self.jobs.start(job.work, done)

    def _heed(self) -> None:
        """Read from both sides as the session wants it."""
        talk = self.talk
        if talk is None:
            return
        if talk.wants_client != self._hears_client:
            self._hears_client = talk.wants_client
            (self.unstall if talk.wants_client else self.stall)(_SESSION)
        hears_device = talk.wants_device and self not in self.stalled
        if hears_device != self._hears_device:
            self._hears_device = hears_device
            _read(self.device.transport, on=hears_device)

    async def _connect(self) -> None:
        talk, conduit = self.talk, self.listener.conduit
        if talk is None:
            return
        former, self.device = self.device, UaDeviceEnd(self)
        self._hears_device = True
        self.unstall(former)
        former.end()
        try:
            await dial(lambda: self.device, conduit.device_host, conduit.device_port, conduit.connect_timeout_ms)
        except (OSError, TimeoutError) as error:
            self._connecting = None
            self.run(talk.link_failed(why(error), self._now()))
            return
        self._connecting = None
        if self.device.transport is None:  # it took the call and hung up before we could say a word
            self.run(talk.link_failed("closed at once by the device", self._now()))
        else:
            self.run(talk.link_up(self._now()))


class UaDeviceEnd(DeviceEnd):
    """One connection to the device."""

    __slots__ = ("_end",)

    def __init__(self, end: UaClientEnd) -> None:
        super().__init__(end)
        self._end = end

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The device took the call."""
        self.transport = cast("asyncio.Transport", transport)
        if self._ended:
            self.transport.abort()
            return
        tune(self.transport)

    def data_received(self, data: bytes) -> None:
        """Bytes from the device."""
        end = self._end
        talk, passing = end.talk, end.passing
        if talk is None or self._ended:
            return
        now = end.listener.clock.now()
        if passing is not None:
            known = passing.response_passes(data, now)
            if known:
                if end.transport is not None:
                    end.transport.write(known)
                end.listener.outlet.note()
                return
        end.run(talk.link_bytes(data, now))

    def connection_lost(self, exc: Exception | None) -> None:
        """The device closed or the link broke."""
        self.transport = None
        talk = self._end.talk
        if talk is not None and not self._ended:
            self._ended = True
            reason = why(exc) if exc is not None else "closed by the device"
            self._end.run(talk.link_lost(reason, self._end.listener.clock.now()))


def _read(transport: asyncio.Transport | None, *, on: bool) -> None:
    if transport is not None and not transport.is_closing():
        (transport.resume_reading if on else transport.pause_reading)()
