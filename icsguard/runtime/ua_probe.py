"""Asks a server of OPC UA for its endpoints, as any client may before it is known: `icsguard pki pin` shows the pins.

One connection, no session, no security: what comes back proves nothing, so an operator compares the pin with what the
server's own panel shows before it is written down.
"""

from __future__ import annotations

import socket
from typing import Final, NamedTuple, TypeVar

from icsguard.core.defect import Defect
from icsguard.protocols.opcua.channel import Channel, Role
from icsguard.protocols.opcua.handshake import Error, Hello, greeting, parse_greeting
from icsguard.protocols.opcua.headers import RequestHeader
from icsguard.protocols.opcua.messages_session import EndpointDescription, GetEndpointsRequest, GetEndpointsResponse
from icsguard.protocols.opcua.security import NONE, SecurityMode
from icsguard.protocols.opcua.services import build_request, parse_response
from icsguard.protocols.opcua.status import status_name
from icsguard.protocols.opcua.uacp import MESSAGE, OPEN, Frame, Framer

TIMEOUT_S: Final = 5.0
Value = TypeVar("Value")
MAX_READS: Final = 256  # reads of one answer; a list of endpoints has some ten thousand bytes
MAX_READ: Final = 65_536


class ProbeError(Exception):
    """The server gave no endpoints; the text says why."""


class Server(NamedTuple):
    """Where a server is."""

    host: str
    port: int
    url: str


def endpoints(server: Server, ticks: int) -> tuple[EndpointDescription, ...]:
    """Return the endpoints that a server tells; raise ProbeError where it tells none. `ticks`: now, as on the wire."""
    try:
        with socket.create_connection((server.host, server.port), TIMEOUT_S) as line:
            return _Talk(line, ticks).endpoints(server.url)
    except OSError as error:
        raise ProbeError(f"{server.host}:{server.port}: {error.strerror or error}") from error


class _Talk:
    """One conversation of three questions."""

    def __init__(self, line: socket.socket, ticks: int) -> None:
        self._line, self._ticks = line, ticks
        self._framer, self._frames = Framer(), list[Frame]()
        self._channel = Channel(Role.CLIENT)

    def endpoints(self, url: str) -> tuple[EndpointDescription, ...]:
        self._line.sendall(greeting(Hello(0, MAX_READ, MAX_READ, 0, 0, url)))
        self._expect_greeting()
        job = self._channel.propose(
            NONE, SecurityMode.NONE, None, None, nonce=b"", lifetime_ms=60_000, request=1, ticks=self._ticks
        )
        self._line.sendall(_good(self._channel.sealed(_good(job.run()), 0)))
        opened = _good(_good(self._channel.unseal(self._kind(self._next(), OPEN), None)).run())
        _good(self._channel.concluded(opened, 0))
        asked = build_request(RequestHeader(timestamp=self._ticks, handle=2), GetEndpointsRequest(url, None, None))
        self._line.sendall(_good(self._channel.send(MESSAGE, 2, asked, 0)))
        return self._answer()

    def _answer(self) -> tuple[EndpointDescription, ...]:
        for _ in range(MAX_READS):
            whole = _good(self._channel.receive(self._kind(self._next(), MESSAGE), 0))
            if whole is None:
                continue
            response = parse_response(whole.body)
            if isinstance(response.body, GetEndpointsResponse):
                return tuple(response.body.endpoints or ())
            why = response.defect.text if response.defect else status_name(response.header.result)
            raise ProbeError(f"no endpoints: {why}")
        raise ProbeError("an answer without end")

    def _expect_greeting(self) -> None:
        found = _good(parse_greeting(self._next()))
        if isinstance(found, Error):
            raise ProbeError(f"turned away: {status_name(found.code)}")

    def _kind(self, frame: Frame, kind: bytes) -> Frame:
        if frame.kind == kind:
            return frame
        found = parse_greeting(frame)
        why = status_name(found.code) if isinstance(found, Error) else frame.kind.decode("ascii", "replace")
        raise ProbeError(f"turned away: {why}")

    def _next(self) -> Frame:
        for _ in range(MAX_READS):
            if self._frames:
                return self._frames.pop(0)
            data = self._line.recv(MAX_READ)
            if not data:
                raise ProbeError("the server closed the connection")
            self._frames += self._framer.feed(data)
            if self._framer.fatal is not None:
                raise ProbeError(f"no OPC UA: {self._framer.fatal.text}")
        raise ProbeError("an answer without end")


def _good(found: Value | Defect) -> Value:
    """Return what is no defect; raise ProbeError for one."""
    if isinstance(found, Defect):
        raise ProbeError(found.text)
    return found
