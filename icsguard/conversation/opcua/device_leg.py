"""The leg towards the device: HEL, OPN and renewals as client; messages wait here until the channel is open.

Where the device must be secured and its certificate is not known, a first connection without security asks for its
endpoints; what they show is judged like any certificate, and the connection is made anew.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Final, Protocol

from icsguard.conversation.opcua.endpoints import chosen
from icsguard.conversation.opcua.guard import UaGuard
from icsguard.conversation.opcua.leg import Host, Leg
from icsguard.core.defect import Defect
from icsguard.protocols.opcua.asymmetric import Identity as Credentials
from icsguard.protocols.opcua.asymmetric import OpenPart, UnsealOpen
from icsguard.protocols.opcua.certificates import Certificate, certificate_of
from icsguard.protocols.opcua.channel import Channel, Role
from icsguard.protocols.opcua.chunks import Whole
from icsguard.protocols.opcua.defects import defect
from icsguard.protocols.opcua.handshake import Acknowledge, Error, Hello, Limits, agreed, greeting, parse_greeting
from icsguard.protocols.opcua.headers import REQUEST_HEADER, Nothing, RequestHeader
from icsguard.protocols.opcua.messages_session import GetEndpointsRequest, GetEndpointsResponse
from icsguard.protocols.opcua.security import NONE, POLICIES, PolicyLaw, SecurityMode
from icsguard.protocols.opcua.services import build_request, message, parse_response
from icsguard.protocols.opcua.status import STATUS
from icsguard.protocols.opcua.times import ticks_of
from icsguard.protocols.opcua.uacp import CLOSE, MESSAGE, Frame

MAX_QUEUED: Final = 64  # messages that wait for the channel to the device; before a session only a few can
OWN_REQUESTS: Final = 0x70000000
"""RequestIds of requests that the gateway itself makes begin here."""
_CLOSE_CHANNEL: Final = 452


class Phase(Enum):
    """How far the way to the device is."""

    __hash__ = object.__hash__

    IDLE = "idle"
    """No connection, and none is wanted yet."""
    DIALLING = "dialling"
    GREETING = "greeting"
    OPENING = "opening"
    ASKING = "asking"
    """Without security, for the device's certificate."""
    READY = "ready"
    ENDED = "ended"


class DeviceHost(Host, Protocol):
    """What this leg needs of its conversation beyond what every leg does."""

    guard: UaGuard
    draw: Callable[[int], bytes]

    @property
    def upstream(self) -> tuple[Credentials | None, str]:
        """Who we are to the device for this client, and with which URI."""
        ...

    def dial(self) -> None:
        """Make a new connection to the device."""
        ...

    def hang_up(self) -> None:
        """Close the connection to the device."""
        ...


class DeviceLeg(Leg):
    """Our end as client."""

    def __init__(self, host: DeviceHost) -> None:
        self._owner = host
        limits = host.guard.nodes.limits
        self._limits = Limits(limits.chunk, limits.message, limits.chunks)
        super().__init__(host, Channel(Role.CLIENT, self._limits), peer_is_client=False)
        self.phase = Phase.IDLE
        self.since = 0
        """When the present phase's connection was wanted."""
        self.chain = b""
        """The device's certificates as they were shown."""
        self.certificate: Certificate | None = None
        """The device's; None under policy None."""
        self._queue: list[tuple[int, bytes]] = []
        self._waiting: list[Callable[[int], None]] = []
        self._own = OWN_REQUESTS
        self._renewing = False

    @property
    def law(self) -> PolicyLaw:
        """The security policy of this leg."""
        return POLICIES[self._owner.guard.options.server_security[0]]

    @property
    def ours(self) -> Credentials | None:
        """Who we are to the device."""
        return self._owner.upstream[0]

    @property
    def our_uri(self) -> str:
        """With which ApplicationUri."""
        return self._owner.upstream[1]

    @property
    def is_ready(self) -> bool:
        """Say whether messages reach the device."""
        return self.phase is Phase.READY

    @property
    def token_certificate(self) -> Certificate | None:
        """The device's certificate for secrets; under policy None the one that its endpoint shows."""
        if self.certificate is not None:
            return self.certificate
        guard = self._owner.guard
        model = chosen(guard.device_endpoints, guard.options.server_security)
        found = certificate_of(model.certificate) if model is not None else None
        return found if isinstance(found, Certificate) else None

    def revoked(self, now: int) -> Defect | None:
        """Return why the device's certificate is no longer trusted."""
        guard = self._owner.guard
        if self.certificate is None:
            return None
        return guard.trust.server(self.chain, now + guard.wall_shift)

    def next_own(self) -> int:
        """Return a RequestId for a request of the gateway itself."""
        self._own = OWN_REQUESTS if self._own >= 2 * OWN_REQUESTS - 1 else self._own + 1
        return self._own

    # What the conversation wants.

    def request(self, id_: int, body: bytes, now: int) -> Defect | None:
        """Send a request, as soon as the channel is open; return why that cannot be."""
        if self.phase is Phase.READY:
            return self.send(MESSAGE, id_, body, now)
        if self.phase is Phase.ENDED:
            return defect("channel-closed", "the way to the device is closed")
        if len(self._queue) >= MAX_QUEUED:
            return defect("channel-backlog", f"{MAX_QUEUED} messages wait for the device")
        self._queue.append((id_, body))
        if self.phase is Phase.IDLE:
            self._dial(now)
        return None

    def when_ready(self, then: Callable[[int], None], now: int) -> Defect | None:
        """Call `then` once the channel is open; return why that cannot be."""
        if self.phase is Phase.READY:
            then(now)
            return None
        if self.phase is Phase.ENDED:
            return defect("channel-closed", "the way to the device is closed")
        if len(self._waiting) >= MAX_QUEUED:
            return defect("channel-backlog", f"{MAX_QUEUED} wait for the device")
        self._waiting.append(then)
        if self.phase is Phase.IDLE:
            self._dial(now)
        return None

    def close(self, now: int) -> None:
        """Say goodbye to the device, where there is a channel, and end."""
        if self.phase in {Phase.IDLE, Phase.ENDED}:
            self.phase = Phase.ENDED
            return
        if self.channel.state == "open":
            self._goodbye(now)
        self.phase = Phase.ENDED
        self._epoch += 1
        self._owner.hang_up()

    def lost(self) -> None:
        """The connection is gone."""
        self.phase = Phase.ENDED
        self._epoch += 1
        self._queue.clear()
        self._waiting.clear()

    def timer(self, now: int) -> None:
        """Ask for a new token when it is time."""
        if self.phase is Phase.READY and not self._renewing and self.channel.renewal_due(now):
            self._renewing = True
            self._propose(self.channel.policy, self.channel.mode, now)

    def next_timer(self) -> int:
        """Return when the next token should be asked for; 0 for never."""
        held = self.channel.tokens.held
        if self.phase is not Phase.READY or not held or self._renewing:
            return 0
        newest = held[-1]
        return newest.expires - (newest.refused - newest.expires)

    # What the connection does.

    def up(self, now: int) -> None:
        """The connection stands: say hello."""
        if self.phase is not Phase.DIALLING:
            return
        self.phase, self.since = Phase.GREETING, now
        hello = Hello(
            0,
            self._limits.chunk,
            self._limits.chunk,
            self._limits.message,
            self._limits.chunks,
            self._owner.guard.device_url,
        )
        self.order.seen(b"HEL", from_client=True)
        self.host.write(greeting(hello))

    def _dial(self, now: int) -> None:
        self.phase, self.since = Phase.DIALLING, now
        self._owner.dial()

    def _greeted(self, frame: Frame, now: int) -> None:
        answer = parse_greeting(frame)
        if isinstance(answer, Error):
            text = f"the device refused: {answer.reason or ''} (0x{answer.code:08X})"
            self.fatal = Defect("device-refused", text, fatal=True, reply=STATUS["BadCommunicationError"])
            return
        if not isinstance(answer, Acknowledge):
            self.fatal = answer if isinstance(answer, Defect) else defect("uacp-order", "no ACK")
            return
        self.channel.sends(agreed(answer.receive, answer.max_message, answer.max_chunks, self._limits))
        self.phase = Phase.OPENING
        self._begin(now)

    def _begin(self, now: int) -> None:
        guard = self._owner.guard
        policy, mode = self.law, SecurityMode(guard.options.server_security[1])
        if not policy.secures or not guard.device_certificate:
            self._propose(NONE, SecurityMode.NONE, now)
            return
        fault = guard.trust.server(guard.device_certificate, now + guard.wall_shift)
        found = certificate_of(guard.device_certificate)
        if fault is not None:
            self.fatal = fault
            return
        if isinstance(found, Defect):
            self.fatal = found
            return
        self.certificate, self.chain = found, guard.device_certificate
        self._propose(policy, mode, now)

    def _propose(self, policy: PolicyLaw, mode: SecurityMode, now: int) -> None:
        guard = self._owner.guard
        job = self.channel.propose(
            policy,
            mode,
            self.ours,
            self.certificate if policy.secures else None,
            nonce=self._owner.draw(policy.nonce),
            lifetime_ms=guard.options.token_lifetime_s * 1000,
            request=self.next_own(),
            ticks=ticks_of(now + guard.wall_shift),
        )
        self.order.seen(b"OPN", from_client=True)
        self.seal(job, now)

    def _opening(self, frame: Frame, now: int) -> UnsealOpen | Defect:
        del now
        return self.channel.unseal(frame, self.ours)

    def _opened(self, part: OpenPart, frame: Frame, now: int) -> None:
        del frame
        granted = self.channel.concluded(part, now)
        if isinstance(granted, Defect):
            self.fatal = granted
            return
        self._renewing = False
        if self.phase is not Phase.OPENING:
            return
        if self.law.secures and not self.channel.policy.secures:
            self._ask(now)
            return
        self.phase = Phase.READY
        queue, self._queue = self._queue, []
        for id_, body in queue:
            self.fatal = self.fatal or self.send(MESSAGE, id_, body, now)
        waiting, self._waiting = self._waiting, []
        for then in waiting:
            then(now)

    # Finding out the certificate.

    def _ask(self, now: int) -> None:
        self.phase = Phase.ASKING
        wish = GetEndpointsRequest(self._owner.guard.device_url, None, None)
        header = RequestHeader(timestamp=ticks_of(now + self._owner.guard.wall_shift), handle=1)
        self.fatal = self.send(MESSAGE, self.next_own(), build_request(header, wish), now)

    def answered(self, whole: Whole, now: int) -> None:
        """Take the device's endpoints, asked for without security, and begin anew with what they show."""
        guard = self._owner.guard
        found = parse_response(whole.body).body
        shown = found.endpoints or () if isinstance(found, GetEndpointsResponse) else ()
        endpoint = chosen(shown, guard.options.server_security)
        if endpoint is None:
            text = "the device offers no endpoint of the security that is set for it"
            self.fatal = Defect("device-endpoint", text, fatal=True, reply=STATUS["BadSecurityPolicyRejected"])
            return
        fault = guard.trust.server(endpoint.certificate or b"", now + guard.wall_shift)
        if fault is not None:
            self.fatal = fault
            return
        guard.device_certificate = endpoint.certificate or b""
        self._goodbye(now)
        self._owner.hang_up()
        self._again(now)

    def _goodbye(self, now: int) -> None:
        header = RequestHeader(timestamp=ticks_of(now + self._owner.guard.wall_shift))
        self.send(CLOSE, self.next_own(), message(_CLOSE_CHANNEL, REQUEST_HEADER, header, Nothing()), now)

    def _again(self, now: int) -> None:
        """Make everything of the connection anew; what waits goes on waiting."""
        epoch = self._epoch + 1
        Leg.__init__(self, self.host, Channel(Role.CLIENT, self._limits), peer_is_client=False)
        self._epoch = epoch
        self._dial(now)
