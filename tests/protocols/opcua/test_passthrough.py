"""What is visible without keys: all under None, bodies under Sign, headers under SignAndEncrypt."""

import pytest

from icsguard.protocols.opcua.asymmetric import SealOpen
from icsguard.protocols.opcua.builtin import DataValue, Variant
from icsguard.protocols.opcua.certificates import certificate_of
from icsguard.protocols.opcua.channel import Channel, Role
from icsguard.protocols.opcua.handshake import Limits
from icsguard.protocols.opcua.headers import RequestHeader, ResponseHeader
from icsguard.protocols.opcua.messages_attribute import ReadRequest, WriteRequest, WriteValue
from icsguard.protocols.opcua.messages_session import GetEndpointsRequest
from icsguard.protocols.opcua.messages_view import StatusResponse
from icsguard.protocols.opcua.nodes import NodeId
from icsguard.protocols.opcua.passthrough import Watch, clear_chunks, sequence_offset
from icsguard.protocols.opcua.refuse import splice, split
from icsguard.protocols.opcua.security import NONE, POLICIES, SecurityMode
from icsguard.protocols.opcua.sequence import Numbering, Relay
from icsguard.protocols.opcua.services import build_request, build_response, parse_request, parse_response
from icsguard.protocols.opcua.symmetric import Plain, derived, seal
from icsguard.protocols.opcua.tokens import token
from icsguard.protocols.opcua.uacp import Framer, chunk_of, frame

SECURED = POLICIES["http://opcfoundation.org/UA/SecurityPolicy#Basic256Sha256"]
KEYS = derived(SECURED, b"a" * 32, b"b" * 32)
FIRST = build_request(RequestHeader(), GetEndpointsRequest(None, None, None))
READ = build_request(RequestHeader(), ReadRequest(0.0, 0, None))


def chunk(body, mode, sequence=2, kind=b"MSGF"):
    return frame(seal(kind + bytes(4) + b"\7\0\0\0\1\0\0\0", Plain(sequence, 3, body), mode, KEYS))


@pytest.fixture
def open_chunk(identities):
    peer = certificate_of(identities["server"].certificate)
    return frame(SealOpen(0, SECURED, 1, 1, b"body", identities["client"], peer).run())


def test_under_none_everything_is_read():
    watch = Watch()
    assert watch.opened(frame(SealOpen(0, NONE, 1, 1, b"body").run()), from_client=True) is None
    assert READ == watch.seen(chunk(READ, SecurityMode.NONE), from_client=True).body
    assert READ == watch.seen(chunk(READ, SecurityMode.NONE), from_client=False).body
    assert (True, None) == (watch.is_readable, watch.client)


@pytest.mark.parametrize(("mode", "readable"), [(SecurityMode.SIGN, True), (SecurityMode.SIGN_AND_ENCRYPT, False)])
def test_the_first_message_of_the_client_tells_sign_from_sign_and_encrypt(open_chunk, mode, readable):
    watch = Watch()
    assert watch.opened(open_chunk, from_client=True) is None
    assert (None, "urn:client", SECURED) == (watch.mode, watch.client.uri, watch.policy)
    assert watch.seen(chunk(FIRST, mode), from_client=False) is None
    found = watch.seen(chunk(FIRST, mode), from_client=True)
    assert (mode, readable) == (watch.mode, watch.is_readable)
    assert (FIRST if readable else None) == (found.body if found else None)
    assert watch.opened(open_chunk, from_client=False) is None
    assert mode is watch.mode


def test_a_policy_that_cannot_be_followed_is_told_and_nothing_is_believed(identities):
    head = SealOpen(0, NONE, 1, 1, b"").run().replace(b"#None", b"#Nove")
    watch = Watch()
    assert "channel-policy" == watch.opened(frame(head), from_client=True).code
    assert (False, "http://opcfoundation.org/UA/SecurityPolicy#Nove") == (watch.is_readable, watch.uri)
    assert watch.seen(chunk(READ, SecurityMode.NONE), from_client=True) is None


def test_a_broken_open_is_a_defect(open_chunk, identities):
    watch = Watch()
    assert "channel-short" == watch.opened(frame(chunk_of(b"OPN", b"F", b"\0" * 16)[:-2]), from_client=True).code
    der = identities["client"].certificate
    broken = frame(open_chunk.raw.replace(der, bytes(len(der))))
    assert "channel-certificate" == watch.opened(broken, from_client=True).code
    assert "channel-certificate" == watch.client.code


def test_reassembly_is_bounded():
    watch = Watch(requests=Limits(chunks=1))
    more = [watch.seen(chunk(READ, SecurityMode.NONE, kind=b"MSGC"), from_client=True) for _ in range(2)]
    assert (None, "chunk-count") == (more[0], more[1].code)


def test_the_sequence_number_is_found_in_every_chunk(open_chunk):
    clear = frame(SealOpen(0, NONE, 51, 1, b"").run())
    at = sequence_offset(clear)
    assert 51 == int.from_bytes(clear.raw[at : at + 4], "little")
    assert 16 == sequence_offset(chunk(READ, SecurityMode.NONE))
    assert "channel-short" == sequence_offset(frame(clear.raw[:30])).code


def write(count):
    items = tuple(WriteValue(NodeId(1, "i", n), 13, None, DataValue(Variant(12, "x" * 400))) for n in range(count))
    return build_request(RequestHeader(handle=9), WriteRequest(items))


def relayed(relay, chunks, *, edited=False):
    pass_on = relay.inserted if edited else relay.passed
    return [pass_on(chunk.raw if hasattr(chunk, "raw") else chunk, 16) for chunk in chunks]


@pytest.mark.parametrize("denied", [1, 2, 100])
def test_denied_items_of_a_long_write_leave_numbers_without_a_gap_in_both_directions(denied):
    client, device = Channel(Role.CLIENT), Watch()
    upward, downward, seen = Relay(), Relay(), Numbering()
    client.state, client.id = "open", 7
    client.tokens.add(token(1, 0, 3_600_000, None))
    for turn in range(denied + 1):
        chunks = Framer().feed(client.send(b"MSG", turn, write(300), 0))
        parts = split(parse_request(reassembled(chunks)), {5: 0x801F0000})
        for _ in chunks if turn else ():
            upward.dropped()
        out = (
            relayed(upward, clear_chunks(chunks[0].raw, turn, parts.forward), edited=True)
            if turn
            else relayed(upward, chunks)
        )
        for raw in out:
            assert seen.accept(int.from_bytes(raw[16:20], "little"))
            body = device.seen(frame(raw), from_client=True)
        items = parse_request(body.body).body.items
        assert (299 if turn else 300) == len(items)
        answer = build_response(673, ResponseHeader(0, 9), StatusResponse((0,) * len(items), None))
        spliced = splice(parts, answer) if turn else answer
        assert 300 == len(parse_response(spliced).body.results)
        (first,) = relayed(downward, clear_chunks(chunks[0].raw, turn, spliced), edited=True)
        assert turn + 1 == int.from_bytes(first[16:20], "little")


def reassembled(chunks):
    watch = Watch()
    return [watch.seen(chunk, from_client=True) for chunk in chunks][-1].body


def test_a_message_that_the_receiver_does_not_take_is_told():
    like = chunk(READ, SecurityMode.NONE)
    assert "chunk-size" == clear_chunks(like.raw, 1, bytes(11), Limits(message=10)).code
    assert "chunk-count" == clear_chunks(like.raw, 1, bytes(9000), Limits(chunk=8192, chunks=1)).code
    (empty,) = clear_chunks(like.raw, 4, b"")
    assert (like.raw[:4], like.raw[8:16], 24) == (empty[:4], empty[8:16], len(empty))
