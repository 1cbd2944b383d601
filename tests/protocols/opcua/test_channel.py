"""Both ends of a channel: handshake, renewal, backlog, refusals."""

import pytest

from icsguard.core.clock import MS, SECOND
from icsguard.protocols.opcua.asymmetric import OpenPart, SealOpen
from icsguard.protocols.opcua.certificates import certificate_of
from icsguard.protocols.opcua.channel import MAX_BACKLOG, Channel, Role
from icsguard.protocols.opcua.handshake import Limits
from icsguard.protocols.opcua.headers import Nothing, RequestHeader, ResponseHeader
from icsguard.protocols.opcua.messages_session import CancelRequest, ChannelToken, OpenRequest, OpenResponse
from icsguard.protocols.opcua.security import NONE, POLICIES, SecurityMode
from icsguard.protocols.opcua.services import build_request, build_response
from icsguard.protocols.opcua.uacp import Framer, frame

SECURED = POLICIES["http://opcfoundation.org/UA/SecurityPolicy#Aes128_Sha256_RsaOaep"]
BOTH = SecurityMode.SIGN_AND_ENCRYPT


class Pair:
    """Two ends in one place; `identities` None for policy None."""

    def __init__(self, identities, policy=SECURED, mode=BOTH, **limits):
        self.client, self.server = Channel(Role.CLIENT, **limits), Channel(Role.SERVER, **limits)
        self.policy, self.mode = policy, mode
        self.ids = identities or {"client": None, "server": None}
        self.peer = certificate_of(identities["server"].certificate) if identities else None
        self.turn = 0

    def propose(self, nonce=None, lifetime_ms=60_000, now=0):
        nonce = bytes([self.turn]) * self.policy.nonce if nonce is None else nonce
        job = self.client.propose(
            self.policy,
            self.mode,
            self.ids["client"],
            self.peer,
            nonce=nonce,
            lifetime_ms=lifetime_ms,
            request=1,
            ticks=5,
        )
        return self.client.sealed(job.run(), now)

    def asked(self, raw):
        job = self.server.unseal(frame(raw), self.ids["server"])
        part = job.run()
        return self.server.asked(part) if isinstance(part, OpenPart) else part

    def granted(self, asked, now=0):
        self.turn += 1
        nonce = bytes([100 + self.turn]) * self.policy.nonce
        return self.server.grant(asked, self.ids["server"], channel=77, number=self.turn, nonce=nonce, ticks=9, now=now)

    def open(self, now=0):
        raw = self.server.sealed(self.granted(self.asked(self.propose(now=now)), now).run(), now)
        return self.client.concluded(self.client.unseal(frame(raw), self.ids["client"]).run(), now)

    def pass_on(self, sender, receiver, body, now=0, kind=b"MSG", request=3):
        out = None
        for chunk in Framer().feed(sender.send(kind, request, body, now)):
            out = receiver.receive(chunk, now)
        return out


@pytest.fixture
def pair(identities):
    made = Pair(identities)
    made.open()
    return made


@pytest.fixture
def clear():
    made = Pair(None, NONE, SecurityMode.NONE)
    made.open()
    return made


def code(found):
    return getattr(found, "code", found)


def test_after_the_handshake_both_ends_agree(pair):
    assert [(77, "open", SECURED, BOTH)] * 2 == [
        (end.id, end.state, end.policy, end.mode) for end in (pair.client, pair.server)
    ]
    assert "urn:client" == pair.server.peer.uri


@pytest.mark.parametrize("size", [0, 1, 65_000, 70_000, 300_000])
def test_a_message_of_any_size_arrives(pair, size):
    for sender, receiver in ((pair.client, pair.server), (pair.server, pair.client)):
        assert b"x" * size == pair.pass_on(sender, receiver, b"x" * size).body
    assert 0 == pair.server.pending


def test_messages_flow_over_renewals_and_both_tokens_are_taken_in_between(pair):
    now = 45 * SECOND
    assert [False, True] == [pair.client.renewal_due(at) for at in (44 * SECOND, now)]
    late = pair.client.send(b"MSG", 8, b"under way", now)
    raw = pair.propose(nonce=b"n" * 32, now=now)
    assert b"under way" == pair.server.receive(frame(late), now).body
    answer = pair.server.sealed(pair.granted(pair.asked(raw), now).run(), now)
    old = pair.server.send(b"MSG", 8, b"by the old token", now)
    assert isinstance(
        pair.client.concluded(pair.client.unseal(frame(answer), pair.ids["client"]).run(), now), OpenResponse
    )
    assert b"by the old token" == pair.client.receive(frame(old), now).body
    assert b"new" == pair.pass_on(pair.client, pair.server, b"new", now).body
    assert b"answer" == pair.pass_on(pair.server, pair.client, b"answer", now).body
    assert [1, 1] == [len(end.tokens.held) for end in (pair.client, pair.server)]


def test_what_should_leave_while_an_open_is_signed_follows_it(pair):
    asked = pair.asked(pair.propose(nonce=b"n" * 32))
    job = pair.granted(asked)
    assert [b"", b""] == [pair.server.send(b"MSG", number, b"waits", 0) for number in (5, 6)]
    out = pair.server.sealed(job.run(), 0)
    first, *others = Framer().feed(out)
    pair.client.concluded(pair.client.unseal(first, pair.ids["client"]).run(), 0)
    assert [(5, b"waits"), (6, b"waits")] == [pair.client.receive(chunk, 0)[1:3] for chunk in others]


def test_the_backlog_is_bounded(pair):
    pair.granted(pair.asked(pair.propose(nonce=b"n" * 32)))
    found = [pair.server.send(b"MSG", 1, b"", 0) for _ in range(MAX_BACKLOG + 1)]
    assert ([b""] * MAX_BACKLOG, "channel-backlog") == (found[:-1], code(found[-1]))


def test_a_backlog_that_the_other_end_does_not_take_is_told():
    pair = Pair(None, NONE, SecurityMode.NONE)
    pair.server._out = Limits(message=10)
    pair.open()
    job = pair.granted(pair.asked(pair.propose()))
    pair.server.send(b"MSG", 1, bytes(11), 0)
    assert "chunk-size" == code(pair.server.sealed(job.run(), 0))


def test_a_message_beyond_the_limits_of_the_other_end_does_not_leave(clear):
    assert "chunk-size" == code(clear.client.send(b"MSG", 1, bytes(4_194_305), 0))
    clear.client._out = Limits(8192, 10**6, 2)
    assert "chunk-count" == code(clear.client.send(b"MSG", 1, bytes(20_000), 0))


def test_a_close_ends_the_channel(pair):
    whole = pair.pass_on(pair.client, pair.server, build_request(RequestHeader(), CancelRequest(1)), kind=b"CLO")
    assert b"CLO" == whole.kind
    assert ["closed", "closed"] == [pair.client.state, pair.server.state]
    assert "channel-closed" == code(pair.client.send(b"MSG", 1, b"", 0))
    assert "channel-closed" == code(pair.server.receive(frame(b"MSGF" + bytes(20)), 0))
    assert "channel-closed" == code(pair.server.unseal(frame(b"OPNF" + bytes(20)), None))


def test_nothing_leaves_a_channel_that_is_not_open():
    channel = Channel(Role.CLIENT)
    assert "channel-closed" == code(channel.send(b"MSG", 1, b"", 0))
    assert "channel-closed" == code(channel.receive(frame(b"MSGF" + bytes(20)), 0))
    assert not channel.renewal_due(0)


def test_a_gap_a_repetition_and_another_channel_are_refused(clear):
    one, two, three = (clear.client.send(b"MSG", 1, b"", 0) for _ in range(3))
    assert clear.server.receive(frame(one), 0)
    assert "channel-sequence" == code(clear.server.receive(frame(three), 0))
    assert "channel-sequence" == code(clear.server.receive(frame(one), 0))
    assert "channel-id" == code(clear.server.receive(frame(two[:8] + b"\1\1\1\1" + two[12:]), 0))
    assert "channel-token" == code(clear.server.receive(frame(two[:12] + b"\1\1\1\1" + two[16:]), 0))
    assert clear.server.receive(frame(two), 0)


def test_an_expired_token_is_refused(pair):
    raw = pair.client.send(b"MSG", 1, b"", 0)
    assert "channel-token" == code(pair.server.receive(frame(raw), 76 * SECOND))


def test_too_many_chunks_end_the_channel(clear):
    clear.server._assembler.limits = Limits(chunks=1)
    found = [clear.server.receive(chunk, 0) for chunk in Framer().feed(clear.client.send(b"MSG", 1, bytes(200_000), 0))]
    assert "chunk-count" == code(found[-1])


def wish(clear, **changes):
    """Return what a server says to an OPN with some fields changed."""
    server = Channel(Role.SERVER)
    policy = changes.pop("policy", NONE)
    value = OpenRequest(0, 0, 1, None, 60_000)._replace(**changes)
    return server.asked(OpenPart(0, policy, 1, 1, build_request(RequestHeader(handle=5), value), None))


@pytest.mark.parametrize(
    ("changes", "due"),
    [
        ({"type": 1}, "channel-renewal"),
        ({"type": 2}, "channel-renewal"),
        ({"mode": 2}, "channel-mode"),
        ({"mode": 0}, "channel-mode"),
        ({"mode": 99}, "channel-mode"),
        ({"policy": SECURED}, "channel-mode"),
        ({"policy": SECURED, "mode": 2}, "channel-nonce"),
        ({"policy": SECURED, "mode": 3, "nonce": b"short"}, "channel-nonce"),
    ],
)
def test_a_wish_against_the_law_is_refused(clear, changes, due):
    assert due == code(wish(clear, **changes))


@pytest.mark.parametrize(("wished", "due"), [(0, 3_600_000), (1, 60_000), (10**9, 3_600_000), (90_000, 90_000)])
def test_a_lifetime_is_brought_within_bounds(clear, wished, due):
    assert due == wish(clear, lifetime_ms=wished).lifetime_ms


def test_what_is_no_open_in_an_open_is_refused(clear):
    server = Channel(Role.SERVER)
    body = build_request(RequestHeader(), CancelRequest(1))
    assert "channel-renewal" == code(server.asked(OpenPart(0, NONE, 1, 1, body, None)))
    assert "codec-short" == code(server.asked(OpenPart(0, NONE, 2, 1, b"\1\0", None)))


def test_a_renewal_keeps_channel_policy_certificate_mode_and_takes_a_fresh_nonce(pair, identities):
    other = pair.server.asked(OpenPart(77, NONE, 2, 1, b"", None))
    assert "channel-policy" == code(other)
    stranger = certificate_of(identities["server"].certificate)
    assert "channel-certificate" == code(pair.server.asked(OpenPart(77, SECURED, 2, 1, b"", stranger)))
    assert "channel-sequence" == code(pair.server.asked(OpenPart(77, SECURED, 9, 1, b"", pair.server.peer)))
    again = OpenRequest(0, 1, 3, bytes(32), 60_000)
    for number, (value, due) in enumerate(
        [
            (again, "channel-nonce"),
            (again._replace(mode=2), "channel-mode"),
            (again._replace(type=0), "channel-renewal"),
        ]
    ):
        body = build_request(RequestHeader(), value)
        assert due == code(pair.server.asked(OpenPart(77, SECURED, 2 + number, 1, body, pair.server.peer)))
    assert "channel-id" == code(pair.server.unseal(frame(SealOpen(5, NONE, 1, 1, b"").run()), None))


def concluded(client, value, *, sequence=1, result=0):
    body = build_response(446, ResponseHeader(result=result), value)
    return code(client.concluded(OpenPart(1, client.policy, sequence, 1, body, None), 0))


def test_an_answer_against_the_law_is_refused():
    pair = Pair(None, NONE, SecurityMode.NONE)
    pair.propose()
    right = OpenResponse(0, ChannelToken(4, 1, 0, 60_000), None)
    assert "channel-renewal" == concluded(pair.client, None, result=0x80550000)
    wrong = right._replace(token=right.token._replace(lifetime_ms=0))
    assert "channel-lifetime" == concluded(pair.client, wrong, sequence=2)
    assert right == concluded(pair.client, right, sequence=3)
    assert "channel-id" == concluded(pair.client, right._replace(token=ChannelToken(5, 1, 0, 1)), sequence=4)
    assert "channel-sequence" == concluded(pair.client, right, sequence=9)
    broken = pair.client.concluded(OpenPart(4, NONE, 5, 1, b"\1\0", None), 0)
    assert "codec-short" == code(broken)


def test_an_answer_with_the_nonce_of_the_renewal_before_is_refused(pair):
    pair.propose(nonce=b"n" * 32)
    answer = OpenResponse(0, ChannelToken(77, 2, 0, 60_000), bytes([101]) * 32)
    body = build_response(446, ResponseHeader(), answer)
    part = OpenPart(77, SECURED, pair.client._incoming.last + 1, 1, body, pair.client.peer)
    assert "channel-nonce" == code(pair.client.concluded(part, 0))


def test_a_token_runs_out_by_the_time_that_the_server_gave(clear):
    assert 60_000 * MS == clear.client.tokens.held[-1].expires


def test_nothing_is_no_request():
    with pytest.raises(ValueError, match="no single service"):
        build_request(RequestHeader(), Nothing())
