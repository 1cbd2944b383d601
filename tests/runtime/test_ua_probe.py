"""Asking for endpoints, against a server made of the same channel."""

import socket
import threading

import pytest

from icsguard.protocols.opcua.builtin import LocalizedText
from icsguard.protocols.opcua.channel import Channel, Role
from icsguard.protocols.opcua.handshake import Acknowledge, Error, greeting
from icsguard.protocols.opcua.headers import ResponseHeader
from icsguard.protocols.opcua.messages_session import ApplicationDescription, EndpointDescription, GetEndpointsResponse
from icsguard.protocols.opcua.services import build_response, parse_request
from icsguard.protocols.opcua.uacp import MESSAGE, Framer
from icsguard.runtime.ua_probe import ProbeError, Server, endpoints

TELLS = EndpointDescription(
    "opc.tcp://plc:4840",
    ApplicationDescription("urn:plc", None, LocalizedText(), 0, None, None, None),
    b"certificate",
    3,
    "http://opcfoundation.org/UA/SecurityPolicy#Basic256Sha256",
    None,
    None,
    1,
)


def serve(line, *, refuse=0, answers=True):
    """Speak one conversation as a server."""
    framer, frames = Framer(), []

    def following():
        while not frames:
            data = line.recv(65_536)
            if not data:
                return None
            frames.extend(framer.feed(data))
        return frames.pop(0)

    following()
    if refuse:
        line.sendall(greeting(Error(refuse, "no")))
        return
    line.sendall(greeting(Acknowledge(0, 65_536, 65_536, 0, 0)))
    channel = Channel(Role.SERVER)
    asked = channel.asked(channel.unseal(following(), None).run())
    job = channel.grant(asked, None, channel=7, number=1, nonce=b"", ticks=1, now=0)
    line.sendall(channel.sealed(job.run(), 0))
    whole = channel.receive(following(), 0)
    number = parse_request(whole.body).number
    body = build_response(number, ResponseHeader(handle=2), GetEndpointsResponse((TELLS,)) if answers else None)
    line.sendall(channel.send(MESSAGE, whole.request, body, 0))


@pytest.fixture
def server():
    """Start a server with a way to answer; return where it is."""
    threads = []

    def start(talk):
        listener = socket.create_server(("127.0.0.1", 0))

        def run():
            with listener:
                line, _ = listener.accept()
                with line:
                    talk(line)

        threads.append(threading.Thread(target=run, daemon=True))
        threads[-1].start()
        port = listener.getsockname()[1]
        return Server("127.0.0.1", port, f"opc.tcp://127.0.0.1:{port}")

    yield start
    for thread in threads:
        thread.join(5)


def test_a_server_tells_its_endpoints_to_whoever_asks(server):
    found = endpoints(server(serve), 1)
    assert [("opc.tcp://plc:4840", b"certificate", 3)] == [(one.url, one.certificate, one.mode) for one in found]


@pytest.mark.parametrize(
    ("talk", "why"),
    [
        (lambda line: serve(line, refuse=0x80830000), "BadTcpEndpointUrlInvalid"),
        (lambda line: serve(line, answers=False), "no endpoints"),
        (lambda line: line.recv(99), "closed the connection"),
        (lambda line: (line.recv(99), line.sendall(b"HTTP/1.1 400 Bad Request\r\n")), "no OPC UA"),
    ],
)
def test_a_server_that_tells_nothing_is_an_error_with_its_reason(server, talk, why):
    with pytest.raises(ProbeError, match=why):
        endpoints(server(talk), 1)
