"""The leg towards a client: HEL is answered, OPN is judged by trust and floor before any token is given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from icsguard.conversation.opcua.guard import UaGuard
from icsguard.conversation.opcua.leg import Host, Leg
from icsguard.core.defect import Defect
from icsguard.core.flow import Client
from icsguard.protocols.opcua.asymmetric import OpenPart, UnsealOpen, open_head
from icsguard.protocols.opcua.channel import Asked, Channel, Role
from icsguard.protocols.opcua.defects import defect
from icsguard.protocols.opcua.handshake import Acknowledge, Hello, Limits, acknowledge, agreed, greeting, parse_greeting
from icsguard.protocols.opcua.security import NONE
from icsguard.protocols.opcua.status import STATUS
from icsguard.protocols.opcua.times import ticks_of
from icsguard.protocols.opcua.tokens import MIN_LIFETIME_MS
from icsguard.protocols.opcua.uacp import Frame

_CHECKS: Final = STATUS["BadSecurityChecksFailed"]
"""All that an untrusted client is told (P4 §6.1.3); the record says why."""
_REJECTED: Final = STATUS["BadSecurityPolicyRejected"]
FLOOD: Final = Defect(
    "channel-flood",
    "more OPN from one address within a minute than its limit",
    fatal=True,
    reply=STATUS["BadTcpServerTooBusy"],
)


class ClientHost(Host, Protocol):
    """What this leg needs of its conversation beyond what every leg does."""

    guard: UaGuard
    draw: Callable[[int], bytes]

    @property
    def client(self) -> Client:
        """Who it is."""
        ...


class ClientLeg(Leg):
    """Our end as server."""

    def __init__(self, host: ClientHost) -> None:
        limits = host.guard.nodes.limits
        self.small = Limits(limits.chunk, limits.session_message, limits.chunks)
        """Before a session is active."""
        self.large = Limits(limits.chunk, limits.message, limits.chunks)
        longest_ms = max(host.guard.options.token_lifetime_s * 1000, MIN_LIFETIME_MS)
        super().__init__(host, Channel(Role.SERVER, self.small, longest_ms=longest_ms), peer_is_client=True)
        self._owner = host
        self.url = ""
        """As the client dialled; its own text."""
        self.is_discovery = True
        """The channel is good for GetEndpoints and FindServers only."""
        self.chain = b""
        """The client's certificates as sent."""
        self._tokens = 0

    def trusted(self) -> None:
        """A session is active: messages may be large from now on."""
        self.channel.agree(self.large)

    def revoked(self, now: int) -> Defect | None:
        """Return why the client's certificate is no longer trusted."""
        if not self.chain:
            return None
        fault = self._owner.guard.trust.client(self.chain, "", now + self._owner.guard.wall_shift)
        return None if fault is None else fault._replace(fatal=True, reply=_CHECKS)

    def _greeted(self, frame: Frame, now: int) -> None:
        del now
        hello = parse_greeting(frame)
        if not isinstance(hello, Hello):
            self.fatal = hello if isinstance(hello, Defect) else defect("uacp-order", "no HEL")
            return
        self.url = hello.url or ""
        answer: Acknowledge = acknowledge(hello, self.large)
        self._framer.agree(answer.receive)
        self.channel.sends(agreed(hello.receive, hello.max_message, hello.max_chunks, self.large))
        self.order.seen(b"ACK", from_client=False)
        self.host.write(greeting(answer))

    def _opening(self, frame: Frame, now: int) -> UnsealOpen | Defect:
        guard = self._owner.guard
        if not guard.may_open(self._owner.client.address, now):
            return FLOOD
        head = open_head(frame)
        if isinstance(head, Defect):
            return head
        if head[0].policy != NONE.uri:
            offered = {policy for policy, _ in guard.options.client_security}
            if head[0].policy not in offered or guard.legs.ours is None:
                return Defect(
                    "channel-policy", "a security policy that this conduit does not offer", fatal=True, reply=_REJECTED
                )
            chain = head[0].certificate or b""
            fault = guard.trust.client(chain, "", now + guard.wall_shift)
            if fault is not None:
                return fault._replace(fatal=True, reply=_CHECKS)
            self.chain = chain
        return self.channel.unseal(frame, guard.legs.ours)

    def _opened(self, part: OpenPart, frame: Frame, now: int) -> None:
        del frame
        asked = self.channel.asked(part)
        if isinstance(asked, Defect):
            self.fatal = asked
            return
        fault = self._floor(asked)
        if fault is not None:
            self.fatal = fault
            return
        guard, draw = self._owner.guard, self._owner.draw
        self._tokens += 1
        job = self.channel.grant(
            asked,
            guard.legs.ours,
            channel=int.from_bytes(draw(4), "little") or 1,
            number=self._tokens,
            nonce=draw(self.channel.policy.nonce or part.policy.nonce),
            ticks=ticks_of(now + guard.wall_shift),
            now=now,
        )
        self.order.seen(b"OPN", from_client=False)
        self.seal(job, now)

    def _floor(self, asked: Asked) -> Defect | None:
        """Judge policy and mode against what is offered; None is open to discovery in any case."""
        pair = (asked.part.policy.uri, int(asked.mode))
        self.is_discovery = pair not in self._owner.guard.options.client_security
        if self.is_discovery and asked.part.policy.secures:
            text = f"{asked.part.policy.name} with mode {asked.mode.name} is not offered"
            return Defect("channel-mode", text, fatal=True, reply=STATUS["BadSecurityModeRejected"])
        return None
