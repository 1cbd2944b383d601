"""Closed-loop load: sessions that each read the same nodes again as soon as their answer came.

`python -m bench.opcua.load URL FOLDER SECURITY SESSIONS NODES WARM SECONDS`, where FOLDER has client.der, client.pem
and shown.der (the certificate that the other end shows). Prints a line of JSON after the warm-up and one at the end.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import cast

import uvloop

from bench.opcua.wire import Security, nonce, now_ticks, read_identity
from icsguard.core.defect import Defect
from icsguard.protocols.opcua import messages_session as m
from icsguard.protocols.opcua.asymmetric import Identity, OpenPart, signed
from icsguard.protocols.opcua.builtin import ExtensionObject, LocalizedText, QualifiedName
from icsguard.protocols.opcua.certificates import Certificate, certificate_of
from icsguard.protocols.opcua.channel import Channel, Role
from icsguard.protocols.opcua.chunks import Whole
from icsguard.protocols.opcua.codec import encoded, shape_of
from icsguard.protocols.opcua.handshake import Hello, greeting
from icsguard.protocols.opcua.headers import RequestHeader
from icsguard.protocols.opcua.messages_attribute import ReadRequest, ReadValueId
from icsguard.protocols.opcua.nodes import NAMED, NULL_NODE, NUMERIC, NodeId
from icsguard.protocols.opcua.services import Response, build_request, parse_response
from icsguard.protocols.opcua.uacp import ACKNOWLEDGE, ERROR, MESSAGE, OPEN, Frame, Framer

READ_ANSWER = b"\x01\x00\x7a\x02"  # type id of a ReadResponse
RESULT_AT = 16  # of the ServiceResult: type id, timestamp and handle stand before
CHECKED_EVERY = 64
"""Of so many answers one is read to its end: all its values must be good."""


class Reader(asyncio.Protocol):
    """One session."""

    def __init__(self, url: str, identity: Identity, security: Security, peer: Certificate, nodes: int) -> None:
        self.ready = asyncio.get_running_loop().create_future()
        self.latencies: list[float] = []
        self.answers = 0
        self.errors = 0
        self._url = url
        self._identity = identity if security.policy.secures else None
        self._security = security
        self._peer = peer if security.policy.secures else None
        self._nodes = nodes
        self._framer = Framer()
        self._channel = Channel(Role.CLIENT)
        self._request = 0
        self._token = NULL_NODE
        self._nonce = b""
        self._read = (b"", b"")
        self._sent = 0.0
        self._running = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Say hello."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(greeting(Hello(0, 65536, 65536, 0, 0, self._url)))

    def connection_lost(self, exc: Exception | None) -> None:
        """The other end closed."""
        if not self.ready.done():
            self.ready.set_exception(ConnectionError(f"closed before the session was active: {exc}"))
        self.errors += self._running

    def data_received(self, data: bytes) -> None:
        """Take answers."""
        for frame in self._framer.feed(data):
            if frame.kind == ACKNOWLEDGE:
                self._open()
            elif frame.kind == OPEN:
                self._opened(frame)
            elif frame.kind == ERROR:
                self._fail(f"ERR {frame.raw[8:].hex()}")
            else:
                whole = self._channel.receive(frame, time.monotonic_ns())
                if isinstance(whole, Whole):
                    self._answered(whole.body)
                elif whole is not None:
                    self._fail(str(whole))

    def _fail(self, why: str) -> None:
        if not self.ready.done():
            self.ready.set_exception(ConnectionError(why))
        self.errors += 1
        self._transport.close()

    def _open(self) -> None:
        policy, mode = self._security.policy, self._security.mode
        fresh = nonce(policy)
        job = self._channel.propose(
            policy, mode, self._identity, self._peer, nonce=fresh, lifetime_ms=3_600_000, request=1, ticks=now_ticks()
        )
        chunk = job.run()
        out = self._channel.sealed(chunk, time.monotonic_ns()) if isinstance(chunk, bytes) else chunk
        if isinstance(out, bytes):
            self._transport.write(out)

    def _opened(self, frame: Frame) -> None:
        job = self._channel.unseal(frame, self._identity)
        part = job if isinstance(job, Defect) else job.run()
        found = self._channel.concluded(part, time.monotonic_ns()) if isinstance(part, OpenPart) else part
        if isinstance(found, Defect):
            self._fail(str(found))
            return
        self._client_nonce = nonce(self._security.policy)
        certificate = self._identity.certificate if self._identity else None
        name = LocalizedText(None, "bench")
        application = m.ApplicationDescription("urn:example:client", "urn:example:product", name, 1, None, None, None)
        self._send(
            m.CreateSessionRequest(application, None, self._url, "bench", self._client_nonce, certificate, 60_000.0, 0)
        )

    def _send(self, parameters: tuple[object, ...]) -> None:
        self._request += 1
        header = RequestHeader(self._token, now_ticks(), self._request, timeout_ms=10_000)
        self._write(build_request(header, parameters))

    def _write(self, body: bytes) -> None:
        out = self._channel.send(MESSAGE, self._request + 10, body, time.monotonic_ns())
        if isinstance(out, bytes):
            self._transport.write(out)

    def _answered(self, body: bytes) -> None:
        if self._running:
            self._count(body)
            self.again()
            return
        response = parse_response(body)
        if isinstance(response.body, m.CreateSessionResponse):
            self._activate(response.body)
        elif isinstance(response.body, m.ActivateSessionResponse):
            self._prepare()
            self.ready.set_result(None)
        else:
            self._fail(f"answered with {response.number}, 0x{response.header.result:08X}")

    def _activate(self, created: m.CreateSessionResponse) -> None:
        policy = self._security.policy
        self._token = created.token
        proof = m.SignatureData(None, None)
        if self._identity is not None:
            raw = signed(self._identity.key, policy, (created.certificate or b"") + (created.nonce or b""))
            uri = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
            proof = m.SignatureData(uri, raw)
        ids = [token.id for one in created.endpoints or () for token in one.tokens or () if token.type == 0]
        token = encoded(shape_of(m.AnonymousToken), m.AnonymousToken(ids[0] if ids else None))
        identity = ExtensionObject(NodeId(0, NUMERIC, 321), 1, token)
        self._send(m.ActivateSessionRequest(proof, None, None, identity, m.SignatureData(None, None)))

    def _prepare(self) -> None:
        items = tuple(
            ReadValueId(NodeId(2, NAMED, f"P{place}"), 13, None, QualifiedName(0, None)) for place in range(self._nodes)
        )
        header = RequestHeader(self._token, 0, 0, timeout_ms=10_000)
        body = build_request(header, ReadRequest(0.0, 2, items))
        at = body.index(b"\0" * 12, 4)  # timestamp and handle
        self._read = (body[:at], body[at + 12 :])

    def begin(self) -> None:
        """Send the first read."""
        self._running = True
        self.again()

    def again(self) -> None:
        """Send the next read: timestamp and handle are new each time."""
        self._request += 1
        head, rest = self._read
        moment = now_ticks().to_bytes(8, "little") + self._request.to_bytes(4, "little")
        self._sent = time.perf_counter()
        self._write(head + moment + rest)

    def _count(self, body: bytes) -> None:
        self.latencies.append(time.perf_counter() - self._sent)
        self.answers += 1
        good = body[:4] == READ_ANSWER and body[RESULT_AT : RESULT_AT + 4] == bytes(4)
        if good and not self.answers % CHECKED_EVERY:
            good = _all_good(parse_response(body), self._nodes)
        self.errors += not good


def _all_good(response: Response, nodes: int) -> bool:
    results = getattr(response.body, "results", None) or ()
    return len(results) == nodes and not any(one.status for one in results)


async def main(
    url: str, folder: Path, security: Security, sessions: int, nodes: int, *, warm: float, span: float
) -> None:
    """Load and report."""
    loop = asyncio.get_running_loop()
    port = int(url.rsplit(":", 1)[1].partition("/")[0])
    peer = certificate_of((folder / "shown.der").read_bytes())
    if isinstance(peer, Defect):
        raise TypeError(peer.text)
    identity = read_identity(folder, "client")
    readers = []
    for _ in range(sessions):
        _, reader = await loop.create_connection(
            lambda: Reader(url, identity, security, peer, nodes), "127.0.0.1", port
        )
        await asyncio.wait_for(reader.ready, 10)
        readers.append(reader)
    for reader in readers:
        reader.begin()
    await asyncio.sleep(warm)
    before = [reader.answers for reader in readers]
    began = time.perf_counter()
    print(json.dumps({"warm": True}), flush=True)
    await asyncio.sleep(span)
    seconds = time.perf_counter() - began
    answers = sum(reader.answers for reader in readers) - sum(before)
    latencies = sorted(one for r, skip in zip(readers, before, strict=True) for one in r.latencies[skip:])
    report = {
        "answers": answers,
        "seconds": seconds,
        "errors": sum(reader.errors for reader in readers),
        "p50_us": latencies[len(latencies) // 2] * 1e6 if latencies else 0.0,
        "p99_us": latencies[len(latencies) * 99 // 100] * 1e6 if latencies else 0.0,
    }
    print(json.dumps(report), flush=True)


if __name__ == "__main__":
    _, target, where, secured, many, each, warming, lasting = sys.argv
    uvloop.run(
        main(target, Path(where), Security.of(secured), int(many), int(each), warm=float(warming), span=float(lasting))
    )
