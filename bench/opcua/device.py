"""A fast OPC UA server for load: it answers Read with constants, and counts the requests that arrived.

`python -m bench.opcua.device PORT FOLDER SECURITY`, where FOLDER has server.der and server.pem. It checks no signatures
of sessions and knows no nodes; what it says on the wire is lawful.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from typing import cast

import uvloop

from bench.opcua.wire import NAMESPACE, Security, nonce, now_ticks, read_identity
from icsguard.core.defect import Defect
from icsguard.protocols.opcua import messages_session as m
from icsguard.protocols.opcua.asymmetric import Identity, OpenPart, signed
from icsguard.protocols.opcua.builtin import DataValue, LocalizedText, Variant
from icsguard.protocols.opcua.channel import Channel, Role
from icsguard.protocols.opcua.chunks import Whole
from icsguard.protocols.opcua.handshake import Hello, acknowledge, greeting, parse_greeting
from icsguard.protocols.opcua.headers import ResponseHeader
from icsguard.protocols.opcua.messages_attribute import ReadRequest, ReadResponse
from icsguard.protocols.opcua.nodes import NUMERIC, NodeId
from icsguard.protocols.opcua.services import Request, build_response, parse_request
from icsguard.protocols.opcua.uacp import CLOSE, HELLO, MESSAGE, OPEN, Frame, Framer

URI = "urn:example:server"
NAMESPACES = NodeId(0, NUMERIC, 2255)
TRANSPORT = "http://opcfoundation.org/UA-Profile/Transport/uatcp-uasc-uabinary"
GOOD = DataValue(Variant(11, 21.5), None, 133_000_000_000_000_000, None, 133_000_000_000_000_000, None)
STRINGS = DataValue(Variant(12, ("http://opcfoundation.org/UA/", URI, NAMESPACE), is_array=True))


class Served(asyncio.Protocol):
    """One connection."""

    sessions = 0

    def __init__(self, url: str, identity: Identity, security: Security) -> None:
        self._url = url
        self._identity = identity
        self._security = security
        self._framer = Framer()
        self._channel = Channel(Role.SERVER)
        self._nonce = b""
        self._certificate = b""
        """The client's, of CreateSession."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the call."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer what came."""
        for frame in self._framer.feed(data):
            self._take(frame)

    def _take(self, frame: Frame) -> None:
        channel = self._channel
        if frame.kind == HELLO:
            hello = parse_greeting(frame)
            if isinstance(hello, Hello):
                self._transport.write(greeting(acknowledge(hello)))
        elif frame.kind == OPEN:
            self._open(frame)
        else:
            whole = channel.receive(frame, time.monotonic_ns())
            if isinstance(whole, Whole) and frame.kind == MESSAGE:
                self._answer(whole)
            elif isinstance(whole, Defect) or frame.kind == CLOSE:
                self._transport.close()

    def _open(self, frame: Frame) -> None:
        job = self._channel.unseal(frame, self._identity)
        part = job if isinstance(job, Defect) else job.run()
        asked = self._channel.asked(part) if isinstance(part, OpenPart) else part
        if isinstance(asked, Defect):
            self._transport.close()
            return
        now = time.monotonic_ns()
        granted = self._channel.grant(
            asked,
            self._identity,
            channel=id(self) & 0xFFFFFF,
            number=now & 0xFFFFFF,
            nonce=nonce(asked.part.policy),
            ticks=now_ticks(),
            now=now,
        )
        chunk = granted.run()
        out = self._channel.sealed(chunk, now) if isinstance(chunk, bytes) else chunk
        if isinstance(out, bytes):
            self._transport.write(out)

    def _answer(self, whole: Whole) -> None:
        request = parse_request(whole.body)
        body = build_response(request.number, ResponseHeader(now_ticks(), request.header.handle), self._result(request))
        out = self._channel.send(MESSAGE, whole.request, body, time.monotonic_ns())
        if isinstance(out, bytes):
            self._transport.write(out)

    def _result(self, request: Request) -> tuple[object, ...]:
        match request.body:
            case ReadRequest(items=items):
                values = tuple(STRINGS if one.node == NAMESPACES else GOOD for one in items or ())
                return ReadResponse(values, None)
            case m.CreateSessionRequest():
                return self._created(request.body)
            case m.ActivateSessionRequest():
                self._nonce = nonce(self._security.policy)
                return m.ActivateSessionResponse(self._nonce, None, None)
            case m.GetEndpointsRequest():
                return m.GetEndpointsResponse(self._endpoints())
            case _:
                return ()

    def _created(self, asked: m.CreateSessionRequest) -> m.CreateSessionResponse:
        Served.sessions += 1
        policy, number = self._channel.policy, 1000 + Served.sessions
        self._nonce = nonce(policy)
        proof = m.SignatureData(None, None)
        if policy.secures:
            raw = signed(self._identity.key, policy, (asked.certificate or b"") + (asked.nonce or b""))
            proof = m.SignatureData("http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", raw)
        token = NodeId(0, NUMERIC, number)
        return m.CreateSessionResponse(
            token, token, 60_000.0, self._nonce, self._identity.certificate, self._endpoints(), None, proof, 0
        )

    def _endpoints(self) -> tuple[m.EndpointDescription, ...]:
        name = LocalizedText(None, "bench")
        server = m.ApplicationDescription(URI, "urn:example:product", name, 0, None, None, (self._url,))
        tokens = (m.UserTokenPolicy("anonymous", 0, None, None, None),)
        one, mode = self._security.policy, int(self._security.mode)
        return (
            m.EndpointDescription(self._url, server, self._identity.certificate, mode, one.uri, tokens, TRANSPORT, 1),
        )


async def main(port: int, folder: Path, security: Security) -> None:
    """Serve until the process is ended."""
    identity, url = read_identity(folder, "server"), f"opc.tcp://127.0.0.1:{port}/bench"
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Served(url, identity, security), "127.0.0.1", port)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), Path(sys.argv[2]), Security.of(sys.argv[3])))
