"""Our secure channel against asyncua's, in memory: either end, each policy and mode, over renewals."""

import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest

from icsguard.core.clock import MS
from icsguard.protocols.opcua.certificates import certificate_of
from icsguard.protocols.opcua.channel import Channel, Role
from icsguard.protocols.opcua.messages_session import OpenResponse
from icsguard.protocols.opcua.security import POLICIES, SecurityMode
from icsguard.protocols.opcua.uacp import Framer, frame

ua = pytest.importorskip("asyncua.ua")
binary = pytest.importorskip("asyncua.ua.ua_binary")
policies = pytest.importorskip("asyncua.crypto.security_policies")
connection = pytest.importorskip("asyncua.common.connection")
x509 = pytest.importorskip("cryptography.x509")

pytestmark = pytest.mark.peer

identity = runpy.run_path(str(Path(__file__).parent.parent / "protocols" / "opcua" / "conftest.py"))["identity"]
SECURED = [law for law in POLICIES.values() if law.secures]
MODES = [SecurityMode.SIGN, SecurityMode.SIGN_AND_ENCRYPT]
BODY = b"\1\0\x77\2" + bytes(range(256)) * 300  # more than one chunk


@pytest.fixture(scope="module")
def ends():
    return identity("ours", 2048, "urn:ours"), identity("theirs", 3072, "urn:theirs")


def their_end(policy, mode, ends):
    ours, theirs = ends
    made = getattr(policies, "SecurityPolicy" + policy.name.replace("_", ""))(
        ours.certificate,
        x509.load_der_x509_certificate(theirs.certificate),
        theirs.key,
        ua.MessageSecurityMode(int(mode)),
    )
    return connection.SecureConnection(made, connection.TransportLimits(65536, 65536, 64, 2**22))


def heard(end, raw):
    """Give all chunks to asyncua; return the message that they complete."""
    message = None
    for chunk in Framer().feed(raw):
        buffer = ua.utils.Buffer(chunk.raw)
        message = end.receive_from_header_and_body(binary.header_from_binary(buffer), buffer)
    return message


def body_of(message):
    buffer = message.body()
    return buffer.read(len(buffer))


def received(channel, raw, now):
    """Give all chunks to our end; return the body that they complete."""
    whole = [channel.receive(chunk, now) for chunk in Framer().feed(raw)][-1]
    return whole.body


def traffic(channel, end, now):
    """Send one long message each way."""
    assert body_of(heard(end, channel.send(b"MSG", 5, BODY, now))) == BODY
    back = end.message_to_binary(BODY[::-1], ua.MessageType.SecureMessage, request_id=5)
    assert BODY[::-1] == received(channel, back, now)


@pytest.mark.parametrize("policy", SECURED, ids=lambda law: law.name)
@pytest.mark.parametrize("mode", MODES)
def test_our_client_speaks_with_their_server(policy, mode, ends):
    ours, theirs = ends
    end = their_end(policy, mode, ends)
    channel = Channel(Role.CLIENT)
    server = SimpleNamespace(get_new_channel_id=lambda: 4711)
    for turn in range(3):
        now = turn * 1000 * MS
        nonce = bytes([turn]) * policy.nonce
        peer = certificate_of(theirs.certificate)
        job = channel.propose(policy, mode, ours, peer, nonce=nonce, lifetime_ms=60_000, request=turn, ticks=0)
        asked = binary.struct_from_binary(
            ua.OpenSecureChannelRequest, heard(end, channel.sealed(job.run(), now)).body()
        )
        response = ua.OpenSecureChannelResponse()
        response.Parameters = end.open(asked.Parameters, server)
        answer = end.message_to_binary(binary.struct_to_binary(response), ua.MessageType.SecureOpen, request_id=turn)
        concluded = channel.concluded(channel.unseal(frame(answer), ours).run(), now)
        assert isinstance(concluded, OpenResponse), concluded
        assert (4711, "open") == (channel.id, channel.state)
        traffic(channel, end, now)
        traffic(channel, end, now)


@pytest.mark.parametrize("policy", SECURED, ids=lambda law: law.name)
@pytest.mark.parametrize("mode", MODES)
def test_our_server_speaks_with_their_client(policy, mode, ends):
    ours, _ = ends
    end = their_end(policy, mode, ends)
    channel = Channel(Role.SERVER)
    for turn in range(3):
        now = turn * 1000 * MS
        request = ua.OpenSecureChannelRequest()
        kind = ua.SecurityTokenRequestType.Renew if turn else ua.SecurityTokenRequestType.Issue
        request.Parameters.RequestType = kind
        request.Parameters.SecurityMode = ua.MessageSecurityMode(int(mode))
        request.Parameters.ClientNonce = bytes([turn + 1]) * policy.nonce
        request.Parameters.RequestedLifetime = 120_000
        raw = end.message_to_binary(binary.struct_to_binary(request), ua.MessageType.SecureOpen, request_id=turn)
        asked = channel.asked(channel.unseal(frame(raw), ours).run())
        assert (bool(turn), mode, 120_000) == (asked.renews, asked.mode, asked.lifetime_ms)
        job = channel.grant(
            asked, ours, channel=99, number=turn + 1, nonce=bytes([turn]) * policy.nonce, ticks=130 * 10**15, now=now
        )
        message = heard(end, channel.sealed(job.run(), now))
        response = binary.struct_from_binary(ua.OpenSecureChannelResponse, message.body())
        end.set_channel(response.Parameters, kind, request.Parameters.ClientNonce)
        if turn:
            end.revolve_tokens()
        back = end.message_to_binary(BODY, ua.MessageType.SecureMessage, request_id=5)
        assert BODY == received(channel, back, now)
        traffic(channel, end, now)
