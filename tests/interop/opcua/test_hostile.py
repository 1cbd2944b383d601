"""What attackers do to a gateway's own OPC UA stack before anybody knows them, and that the server never sees it."""

import contextlib
import socket
import struct
import time
from pathlib import Path

import pytest

from icsguard.protocols.opcua.asymmetric import UnsealOpen
from icsguard.protocols.opcua.channel import Channel, Role
from icsguard.protocols.opcua.handshake import Hello, greeting, parse_greeting
from icsguard.protocols.opcua.headers import RequestHeader
from icsguard.protocols.opcua.messages_attribute import WriteRequest
from icsguard.protocols.opcua.messages_session import GetEndpointsRequest, GetEndpointsResponse
from icsguard.protocols.opcua.security import NONE, SecurityMode
from icsguard.protocols.opcua.services import Response, build_request, parse_response
from icsguard.protocols.opcua.uacp import Framer, frame

pytestmark = [pytest.mark.peer, pytest.mark.slow]

TOO_LARGE = 0x80800000
DECODING = 0x80070000
LIMITS = 0x80080000
NO_SESSION = 0x80250000
MAX_GROWTH_KIB = 8 * 1024
HELLO = greeting(Hello(0, 65536, 65536, 0, 0, "opc.tcp://127.0.0.1/plant"))


@pytest.fixture(scope="module")
def gateway(run_gateway, make_conduit, asyncua_server):
    """A gateway whose patience with strangers is one second."""
    patience = {"handshake_timeout_s": 1, "incomplete_timeout_s": 1}
    both = {"client_security": ["None"], "server_security": "None"}
    conduits = {
        "ended": make_conduit("ended", asyncua_server.port, **both, **patience),
        "passed": make_conduit("passed", asyncua_server.port, way="passthrough", **patience),
    }
    with run_gateway(conduits) as running:
        yield running


@pytest.fixture(params=["ended", "passed"])
def port(request, gateway):
    """The conduit of either way."""
    return gateway.ports[request.param]


@contextlib.contextmanager
def called(port):
    with socket.create_connection(("127.0.0.1", port), 5) as stranger:
        stranger.settimeout(8)
        yield stranger


def rest_of(stranger):
    """Return all that still comes until the other side closes."""
    data = b""
    with contextlib.suppress(ConnectionError):
        while piece := stranger.recv(65536):
            data += piece
    return data


def resident_kib(process):
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:")))


class Raw:
    """A client under None that sends whatever it likes on its channel."""

    def __init__(self, stranger):
        self.stranger, self.framer, self.channel = stranger, Framer(), Channel(Role.CLIENT)
        stranger.sendall(HELLO)
        self.next()
        chunk = self.channel.propose(
            NONE, SecurityMode.NONE, None, None, nonce=b"", lifetime_ms=60_000, request=1, ticks=0
        ).run()
        stranger.sendall(self.channel.sealed(chunk, 0))
        self.channel.concluded(UnsealOpen(self.next(), None).run(), 0)

    def next(self):
        while True:
            frames = self.framer.feed(self.stranger.recv(65536))
            if frames:
                return frames[0]

    def ask(self, body, request=7):
        """Send a message and return the answer, or the ERR in its place."""
        self.stranger.sendall(self.channel.send(b"MSG", request, body, 0))
        found = self.next()
        return parse_greeting(found) if found.kind == b"ERR" else parse_response(self.channel.receive(found, 0).body)


def test_the_gateway_answers_one_who_behaves(port):
    with called(port) as stranger:
        found = Raw(stranger).ask(build_request(RequestHeader(), GetEndpointsRequest("opc.tcp://x", None, None)))
        assert isinstance(found.body, GetEndpointsResponse)


@pytest.mark.parametrize("size", [0x7FFFFFFF, 3, 0])
def test_a_size_that_cannot_be_ends_the_connection_at_once(port, size):
    began = time.monotonic()
    with called(port) as stranger:
        stranger.sendall(b"HELF" + size.to_bytes(4, "little") + bytes(64))
        rest_of(stranger)
    assert time.monotonic() - began < 0.9


def test_who_says_hello_byte_by_byte_is_let_go(port):
    with called(port) as stranger, contextlib.suppress(ConnectionError):
        began = time.monotonic()
        for byte in HELLO:
            stranger.sendall(bytes((byte,)))
            time.sleep(0.05)
        rest_of(stranger)
    assert time.monotonic() - began < 4


def test_unfinished_messages_take_no_memory(port, gateway):
    before = resident_kib(gateway.process)
    piece = b"MSGC" + (60_000).to_bytes(4, "little") + bytes(59_992)
    for _ in range(40):
        with called(port) as stranger, contextlib.suppress(ConnectionError):
            stranger.sendall(HELLO)
            for _ in range(50):
                stranger.sendall(piece)
    assert resident_kib(gateway.process) - before < MAX_GROWTH_KIB


def test_a_message_of_too_many_chunks_ends_the_connection(port):
    with called(port) as stranger, contextlib.suppress(ConnectionError):
        raw = Raw(stranger)
        for number in range(80):
            body = struct.pack("<IIII", raw.channel.id, raw.channel.tokens.held[-1].id, 2 + number, 9)
            stranger.sendall(b"MSGC" + (8 + len(body) + 100).to_bytes(4, "little") + body + bytes(100))
        frames = raw.framer.feed(rest_of(stranger))
        assert [TOO_LARGE] == [parse_greeting(one).code for one in frames if one.kind == b"ERR"]


@pytest.mark.parametrize("depth", [10, 500, 50_000])
def test_nested_values_are_answered_at_once_and_never_arrive(port, asyncua_server, depth):
    before = len(asyncua_server.arrived)
    nested = b"\x98\x01\x00\x00\x00" * depth + b"\x0b" + bytes(8)  # an array of one Variant in an array of one Variant
    item = b"\x03\x02\x00\x07\x00\x00\x00Allowed" + b"\x0d\x00\x00\x00" + b"\xff\xff\xff\xff" + b"\x01" + nested
    empty = build_request(RequestHeader(), WriteRequest(()))
    with called(port) as stranger, contextlib.suppress(ConnectionError):
        raw = Raw(stranger)
        began = time.monotonic()
        found = raw.ask(empty[:-4] + b"\x01\x00\x00\x00" + item)
        assert time.monotonic() - began < 0.5
        code = found.fault if isinstance(found, Response) else found.code
        assert code in {LIMITS, NO_SESSION, DECODING} if depth * 5 < 65_000 else code == TOO_LARGE
    assert len(asyncua_server.arrived) == before


def test_after_all_that_the_gateway_still_serves(port):
    with called(port) as stranger:
        found = Raw(stranger).ask(build_request(RequestHeader(), GetEndpointsRequest("opc.tcp://x", None, None)))
        assert isinstance(found.body, GetEndpointsResponse)


def test_a_frame_is_what_this_file_says_it_is():
    assert b"HEL" == frame(HELLO).kind
