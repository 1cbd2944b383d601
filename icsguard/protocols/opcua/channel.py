"""One end of a secure channel: OPN and renewal, security of each chunk, sequence numbers, reassembly (P6 §6.7).

The same class serves both legs: towards clients as server, towards a device as client. Time, nonces, ids and keys come
in as arguments. RSA work leaves as the job values of `asymmetric`: while an `UnsealOpen` is out, its caller keeps what
arrives; while a `SealOpen` is out, what should leave waits here, because its numbers come after the OPN's.
"""

from __future__ import annotations

from enum import IntEnum
from struct import Struct
from typing import Final, NamedTuple

from icsguard.core.defect import Defect
from icsguard.protocols.opcua.asymmetric import Identity, OpenPart, SealOpen, UnsealOpen
from icsguard.protocols.opcua.certificates import Certificate
from icsguard.protocols.opcua.chunks import Assembler, Part, Whole
from icsguard.protocols.opcua.defects import defect
from icsguard.protocols.opcua.handshake import OUR_LIMITS, Limits
from icsguard.protocols.opcua.headers import RequestHeader, ResponseHeader
from icsguard.protocols.opcua.messages_session import ChannelToken, OpenRequest, OpenResponse
from icsguard.protocols.opcua.security import NONE, PolicyLaw, SecurityMode, modes_of
from icsguard.protocols.opcua.sequence import Numbering
from icsguard.protocols.opcua.services import build_request, build_response, parse_request, parse_response
from icsguard.protocols.opcua.symmetric import SECURED_FROM, SEQUENCE_HEADER, Plain, derived, overhead, seal
from icsguard.protocols.opcua.tokens import MAX_LIFETIME_MS, MIN_LIFETIME_MS, Tokens, token
from icsguard.protocols.opcua.uacp import CHANNEL_HEADER, CLOSE, FINAL, MESSAGE, MORE, Frame

MAX_BACKLOG: Final = 256  # messages that wait for an OPN to be signed, some milliseconds; more, and the channel ends
_LONG: Final = Struct("<I")
_HEAD: Final = Struct("<3scIII")
_ISSUE, _RENEW = 0, 1
_OPEN_NUMBER: Final = 446


class Role(IntEnum):
    """Which end of the channel we are."""

    SERVER = 0
    CLIENT = 1


class Asked(NamedTuple):
    """A client asks for a channel, or for a new token of it."""

    request: int
    """RequestId."""
    handle: int
    renews: bool
    mode: SecurityMode
    nonce: bytes
    lifetime_ms: int
    """Wanted; already within our bounds."""
    part: OpenPart


class Channel:
    """The state of one end. After a fatal defect the connection ends; nothing here recovers from one."""

    __slots__ = (
        "_asked",
        "_assembler",
        "_backlog",
        "_incoming",
        "_last_nonce",
        "_longest",
        "_out",
        "_outgoing",
        "_sealing",
        "id",
        "mode",
        "peer",
        "policy",
        "role",
        "state",
        "tokens",
    )

    def __init__(
        self,
        role: Role,
        incoming: Limits = OUR_LIMITS,
        outgoing: Limits = OUR_LIMITS,
        longest_ms: int = MAX_LIFETIME_MS,
    ) -> None:
        """`longest_ms`: the longest life of a token that a server's end grants."""
        self.role = role
        self._longest = min(longest_ms, MAX_LIFETIME_MS)
        self.id = 0
        """SecureChannelId; 0 before the channel is open."""
        self.policy: PolicyLaw = NONE
        self.mode = SecurityMode.NONE
        self.peer: Certificate | None = None
        """The other end's certificate; None under policy None."""
        self.state = "fresh"
        """fresh → open → closed."""
        self.tokens = Tokens(waits=role is Role.SERVER)
        self._out = outgoing
        self._assembler = Assembler(incoming)
        self._incoming = Numbering()
        self._outgoing = Numbering()
        self._last_nonce = b""
        self._asked = (b"", SecurityMode.NONE, _ISSUE)
        self._sealing = False
        self._backlog: list[tuple[bytes, int, bytes]] = []

    @property
    def pending(self) -> int:
        """Bytes of an unfinished message that are held."""
        return self._assembler.pending

    def agree(self, incoming: Limits) -> None:
        """Take messages within other bounds from now on."""
        self._assembler.limits = incoming

    def sends(self, outgoing: Limits) -> None:
        """Keep to what the other end takes, once it has said so."""
        self._out = outgoing

    # What arrives.

    def receive(self, frame: Frame, now: int) -> Whole | Defect | None:
        """Take a MSG or CLO chunk; return the message that it completes."""
        if self.state != "open":
            return defect("channel-closed", f"{frame.kind.decode()} on a channel that is {self.state}")
        if frame.channel != self.id:
            return defect("channel-id", f"SecureChannelId {frame.channel} instead of {self.id}")
        number = _LONG.unpack_from(frame.raw, CHANNEL_HEADER)[0]
        plain = self.tokens.unsealed(frame.raw, number, self.mode, now)
        if isinstance(plain, Defect):
            return plain
        if not self._incoming.accept(plain.sequence):
            return defect("channel-sequence", f"number {plain.sequence}, due is {self._incoming.due}")
        if frame.chunk == FINAL and frame.kind == MESSAGE and self._assembler.takes_alone(plain.body):
            return Whole(MESSAGE, plain.request, plain.body, None, 1)
        whole = self._assembler.add(Part(frame.kind, frame.chunk, plain.request, plain.body))
        if frame.kind == CLOSE:
            self.state = "closed"
        return self._assembler.fatal or whole

    def unseal(self, frame: Frame, identity: Identity | None) -> UnsealOpen | Defect:
        """Return the job that opens a received OPN; its result goes to `asked` (server) or `concluded` (client)."""
        if self.state == "closed":
            return defect("channel-closed", "OPN on a closed channel")
        if frame.channel != self.id and not (self.role is Role.CLIENT and self.state == "fresh"):
            return defect("channel-id", f"SecureChannelId {frame.channel} instead of {self.id}")
        return UnsealOpen(frame, identity)

    def _opened(self, part: OpenPart) -> Defect | None:
        """Judge what both ends judge of an OPN: its policy, its sender, its number."""
        if self.state == "open" or self.role is Role.CLIENT:
            if part.policy is not self.policy:
                return defect("channel-policy", f"policy {part.policy.name} instead of {self.policy.name}")
            if part.sender is not None and self.peer is not None and part.sender.der != self.peer.der:
                return defect("channel-certificate", "another certificate than this channel's")
        if not self._incoming.accept(part.sequence):
            return defect("channel-sequence", f"number {part.sequence}, due is {self._incoming.due}")
        return None

    # The server's end.

    def asked(self, part: OpenPart) -> Asked | Defect:
        """Return what an opened OPN of a client asks for, judged against the law; whom to trust is not judged here."""
        fault = self._opened(part)
        if fault is not None:
            return fault
        parsed = parse_request(part.body)
        wish = parsed.body
        if not isinstance(wish, OpenRequest):
            return parsed.defect or defect("channel-renewal", f"{parsed.name} in an OPN")
        fault = self._judge(wish, part.policy)
        if fault is not None:
            return fault
        longest = self._longest
        lifetime = max(min(MIN_LIFETIME_MS, longest), min(wish.lifetime_ms or longest, longest))
        mode, nonce = SecurityMode(wish.mode), wish.nonce or b""
        return Asked(part.request, parsed.header.handle, wish.type == _RENEW, mode, nonce, lifetime, part)

    def _judge(self, wish: OpenRequest, policy: PolicyLaw) -> Defect | None:
        if wish.type != (_RENEW if self.state == "open" else _ISSUE):
            return defect("channel-renewal", f"request type {wish.type} on a channel that is {self.state}")
        if wish.mode not in modes_of(policy) or (self.state == "open" and wish.mode != self.mode):
            return defect("channel-mode", f"mode {wish.mode} under policy {policy.name}")
        return self._nonce_fault(wish.nonce, policy)

    def _nonce_fault(self, nonce: bytes | None, policy: PolicyLaw) -> Defect | None:
        if not policy.secures:
            return None
        if nonce is None or len(nonce) != policy.nonce:
            return defect("channel-nonce", f"a nonce of {len(nonce or b'')} bytes, {policy.name} has {policy.nonce}")
        return defect("channel-nonce", "the nonce of the renewal before") if nonce == self._last_nonce else None

    def grant(
        self, asked: Asked, identity: Identity | None, *, channel: int, number: int, nonce: bytes, ticks: int, now: int
    ) -> SealOpen:
        """Open the channel, or renew its token: return the job that makes the answer.

        `channel` is the id of a new channel (a renewal keeps its own), `number` the TokenId, `nonce` ours, `ticks` the
        time on the wire.
        """
        part = asked.part
        if self.state == "fresh":
            self.id, self.policy, self.mode, self.peer = channel, part.policy, asked.mode, part.sender
            self.state = "open"
        self._last_nonce = asked.nonce
        self._install(number, ours=nonce, theirs=asked.nonce, lifetime_ms=asked.lifetime_ms, now=now)
        answer = OpenResponse(
            0, ChannelToken(self.id, number, ticks, asked.lifetime_ms), nonce if self.policy.secures else None
        )
        body = build_response(_OPEN_NUMBER, ResponseHeader(ticks, asked.handle), answer)
        return self._seal_open(asked.request, body, identity)

    # The client's end.

    def propose(  # noqa: PLR0913 - each one is a field of the request
        self,
        policy: PolicyLaw,
        mode: SecurityMode,
        identity: Identity | None,
        peer: Certificate | None,
        *,
        nonce: bytes,
        lifetime_ms: int,
        request: int,
        ticks: int,
    ) -> SealOpen:
        """Ask for a channel, or for a new token of the open one (then policy, mode and peer are the channel's)."""
        renews = self.state == "open"
        if not renews:
            self.policy, self.mode, self.peer = policy, mode, peer
        self._asked = (nonce, self.mode, _RENEW if renews else _ISSUE)
        wish = OpenRequest(0, self._asked[2], self.mode, nonce if self.policy.secures else None, lifetime_ms)
        return self._seal_open(request, build_request(RequestHeader(timestamp=ticks, handle=request), wish), identity)

    def concluded(self, part: OpenPart, now: int) -> OpenResponse | Defect:
        """Take the device's answer to `propose`: the channel is open, or has a new token."""
        fault = self._opened(part)
        if fault is not None:
            return fault
        parsed = parse_response(part.body)
        answer = parsed.body
        if not isinstance(answer, OpenResponse):
            return parsed.defect or defect(
                "channel-renewal", f"status 0x{parsed.header.result:08X} in place of a token"
            )
        fault = self._nonce_fault(answer.nonce, self.policy)
        if fault is not None:
            return fault
        granted = answer.token
        if self.state == "open" and granted.channel != self.id:
            return defect("channel-id", f"SecureChannelId {granted.channel} in a renewal of {self.id}")
        if not granted.lifetime_ms > 0:
            return defect("channel-lifetime", "a token of no lifetime")
        self.id, self.state, self._last_nonce = granted.channel, "open", answer.nonce or b""
        self._install(
            granted.token, ours=self._asked[0], theirs=self._last_nonce, lifetime_ms=granted.lifetime_ms, now=now
        )
        return answer

    # Both ends.

    def _install(self, number: int, *, ours: bytes, theirs: bytes, lifetime_ms: int, now: int) -> None:
        keys = None
        if self.policy.secures:
            keys = derived(self.policy, theirs, ours), derived(self.policy, ours, theirs)
        self.tokens.add(token(number, now, lifetime_ms, keys))

    def _seal_open(self, request: int, body: bytes, identity: Identity | None) -> SealOpen:
        self._sealing = True
        return SealOpen(self.id, self.policy, self._outgoing.take(), request, body, identity, self.peer)

    def renewal_due(self, now: int) -> bool:
        """Say whether a client should ask for a new token: three quarters of the lifetime are over."""
        if not self.tokens.held:
            return False
        newest = self.tokens.held[-1]
        lifetime = (newest.refused - newest.expires) * 4
        return now >= newest.expires - lifetime // 4

    def sealed(self, chunk: bytes, now: int) -> bytes | Defect:
        """Take the result of a `SealOpen`; return it with all that has waited for it."""
        self._sealing = False
        waiting, self._backlog = self._backlog, []
        out = [chunk]
        for kind, request, body in waiting:
            more = self.send(kind, request, body, now)
            if isinstance(more, Defect):
                return more
            out.append(more)
        return b"".join(out)

    def send(self, kind: bytes, request: int, body: bytes, now: int) -> bytes | Defect:
        """Return the chunks of a message, empty while an OPN of ours is being sealed (it follows with that).

        A message that the other end does not take is a defect that is ours to answer (`chunk-size`, `chunk-count`).
        """
        if self._sealing:
            if len(self._backlog) >= MAX_BACKLOG:
                return defect("channel-backlog", f"{MAX_BACKLOG} messages wait for a renewal")
            self._backlog.append((kind, request, body))
            return b""
        sender = self.tokens.sending(now)
        if self.state != "open" or sender is None:
            return defect("channel-closed", f"the channel is {self.state}")
        room = self._out.chunk - SECURED_FROM - SEQUENCE_HEADER - overhead(self.mode)
        count = max(1, -(-len(body) // room))
        if len(body) > self._out.message:
            return defect("chunk-size", f"{len(body)} bytes, the other end takes {self._out.message}")
        if count > self._out.chunks:
            return defect("chunk-count", f"{count} chunks, the other end takes {self._out.chunks}")
        if kind == CLOSE:
            self.state = "closed"
        chunks = []
        for place in range(count):
            head = _HEAD.pack(kind, FINAL if place == count - 1 else MORE, 0, self.id, sender.id)
            plain = Plain(self._outgoing.take(), request, body[place * room : (place + 1) * room])
            chunks.append(seal(head, plain, self.mode, sender.outgoing, sender.encrypting))
        return b"".join(chunks)
