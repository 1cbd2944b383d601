"""Sessions of a channel that passes through: who creates and activates them, seen in requests and answers.

Nothing is made anew here. A session is known from its CreateSession on; who may activate it, policy says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from icsguard.conversation.opcua.flight import UaFlight
from icsguard.conversation.opcua.guard import UaGuard
from icsguard.conversation.opcua.ledger import Entry
from icsguard.core.decision import Decision, Layer
from icsguard.core.defect import Defect
from icsguard.core.verdict import Reason
from icsguard.policy.nodes.identity import Identity
from icsguard.protocols.opcua.certificates import Certificate
from icsguard.protocols.opcua.messages_session import (
    ActivateSessionRequest,
    CertificateToken,
    CreateSessionRequest,
    CreateSessionResponse,
    IssuedToken,
    UserNameToken,
)
from icsguard.protocols.opcua.security import NONE
from icsguard.protocols.opcua.services import answer_head, parse_response, structure
from icsguard.protocols.opcua.status import STATUS

if TYPE_CHECKING:
    from icsguard.conversation.opcua.passthrough import Passed

FIND_SERVERS, ON_NETWORK, GET_ENDPOINTS, CREATE, ACTIVATE = 422, 12208, 428, 461, 467
DISCOVERY: Final = frozenset({FIND_SERVERS, ON_NETWORK, GET_ENDPOINTS})


class Admitting:
    """The session services of one connection that passes through."""

    __slots__ = ("_asking", "_guard", "_talk")

    def __init__(self, guard: UaGuard, talk: Passed) -> None:
        self._guard = guard
        self._talk = talk
        self._asking: dict[int, Identity] = {}
        """Who activates, by RequestId; as many as requests are in flight."""

    def take(self, flight: UaFlight, now: int) -> None:
        """Send a request on its way, if it may go."""
        request = flight.request
        traffic = self._talk.traffic
        if request.defect is not None:
            traffic.take(flight, now)
        elif request.number in DISCOVERY:
            traffic.take_free(flight, now)
        elif isinstance(request.body, CreateSessionRequest):
            self._go(flight, self._may_create(), now)
        elif isinstance(request.body, ActivateSessionRequest):
            self._activate(flight, request.body, now)
        else:
            self._use(flight, now)

    def _use(self, flight: UaFlight, now: int) -> None:
        """Any other service counts only on the connection where its session is active."""
        entry = flight.entry
        if self._guard.acts and (entry is None or entry.identity is None or entry.flow != self._talk.flow):
            self._go(flight, _no("session-unknown", "the session is not active here", "BadSessionIdInvalid"), now)
            return
        if entry is not None:
            entry.last_at = now
        self._talk.traffic.take(flight, now)

    def _go(self, flight: UaFlight, why: Defect | None, now: int) -> None:
        """Let a request pass that needs no further right, or refuse it where the mode acts."""
        if why is None:
            self._talk.traffic.take_free(flight, now)
            return
        flight.note(Reason(Layer.POLICY, why.code, why.text, Decision.REFUSE, reply=why.reply))
        if not self._guard.acts:
            self._talk.traffic.take_free(flight, now)
            return
        flight.decision, flight.reply = Decision.REFUSE, why.reply
        self._talk.traffic.refuse(flight, now)

    def _may_create(self) -> Defect | None:
        guard = self._guard
        channel = self._talk.watch
        if not channel.policy.secures and (NONE.uri, 1) not in guard.options.client_security:
            return _no("channel-floor", "sessions without security are not permitted here", "BadSecurityPolicyRejected")
        most = guard.nodes.limits.sessions_per_client
        if guard.ledger.is_full or guard.ledger.held_by(self._talk.client.address) >= most:
            return _no("too-many-sessions", "this client has as many sessions as it may", "BadTooManySessions")
        return None

    def _activate(self, flight: UaFlight, asked: ActivateSessionRequest, now: int) -> None:
        guard = self._guard
        user, kind = _user(asked)
        identity = self._talk.peer._replace(user=user, token=kind)
        why = self._another(flight.entry)
        if why is None and guard.judges:
            verdict = guard.nodes.admits(identity, guard.node_memory, now)
            flight.reasons += verdict.reasons
            flight.would_be = max(flight.would_be, verdict.would_be)
            if guard.acts and verdict.decision >= Decision.REFUSE:
                flight.decision = verdict.decision
                flight.reply = verdict.reply or STATUS["BadUserAccessDenied"]
                self._talk.traffic.refuse(flight, now)
                return
        if why is None or not guard.acts:
            self._asking[flight.id] = identity
        self._go(flight, why, now)

    def _another(self, entry: Entry | None) -> Defect | None:
        """Return why a session is not this client's to activate."""
        if entry is None:
            return _no("session-unknown", "no session of that token", "BadSessionIdInvalid")
        peer, owner = self._talk.watch.client, entry.certificate
        same = isinstance(peer, Certificate) and owner is not None and peer.der == owner.der
        clear = peer is None and owner is None and entry.address == self._talk.client.address
        if same or clear:
            return None
        return _no("session-of-another", "the session belongs to another client", "BadSecureChannelIdInvalid")

    def answered(self, flight: UaFlight, body: bytes, *, is_ours: bool, now: int) -> None:
        """Learn from the device's answer who has a session now."""
        number = flight.request.number
        identity = self._asking.pop(flight.id, None) if number == ACTIVATE else None
        if is_ours or number not in {CREATE, ACTIVATE} or answer_head(body).header.result >> 31:
            return
        if number == ACTIVATE:
            if identity is not None and flight.entry is not None:
                flight.entry.identity, flight.entry.flow = identity, self._talk.flow
                flight.entry.address, flight.entry.last_at = self._talk.client.address, now
                self._talk.opened_session(flight, now)
            return
        asked, made = flight.request.body, parse_response(body).body
        if isinstance(asked, CreateSessionRequest) and isinstance(made, CreateSessionResponse):
            self._created(asked, made, now)

    def _created(self, asked: CreateSessionRequest, made: CreateSessionResponse, now: int) -> None:
        client = self._talk.client
        entry = self._guard.ledger.opened(
            made.token, address=client.address, uri=asked.client.uri or "", timeout_ms=made.timeout_ms, now=now
        )
        if entry is not None:
            peer = self._talk.watch.client
            entry.name, entry.creator = asked.name or "", self._talk.flow
            entry.certificate = peer if isinstance(peer, Certificate) else None


def _user(asked: ActivateSessionRequest) -> tuple[str, str]:
    """Return the user that an activation names, and the kind of its token."""
    found = structure(asked.identity)
    if isinstance(found, UserNameToken):
        return found.user or "", "user"
    if isinstance(found, CertificateToken):
        return "", "certificate"
    if isinstance(found, IssuedToken | Defect):
        return "", "issued"
    return "", "anonymous"


def _no(code: str, text: str, status: str) -> Defect:
    return Defect(code, text, reply=STATUS[status])
