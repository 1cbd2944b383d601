"""Discovery and sessions between two channels: what a terminating gateway must answer or make anew (P4 §5.4, §5.6).

Each side's signature is checked over our certificate and nonce and made again over the other's; nonces are our own on
both sides, each good for one activation; endpoints are rewritten by one function wherever they are told.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from icsguard.conversation.opcua.activation import Wish, wished
from icsguard.conversation.opcua.credentials import NONCE, Proof, Resign, Resigned, Signing
from icsguard.conversation.opcua.discovery import Discovery
from icsguard.conversation.opcua.endpoints import endpoints
from icsguard.conversation.opcua.flight import UaFlight
from icsguard.conversation.opcua.ledger import Entry
from icsguard.conversation.opcua.namespaces import names_request
from icsguard.core.clock import MS
from icsguard.core.decision import Decision, Layer
from icsguard.core.defect import Defect
from icsguard.core.transaction import Outcome
from icsguard.core.verdict import Reason, Verdict
from icsguard.policy.nodes.identity import Identity
from icsguard.protocols.opcua.asymmetric import Identity as Credentials
from icsguard.protocols.opcua.certificates import certificate_of
from icsguard.protocols.opcua.headers import RequestHeader, ResponseHeader
from icsguard.protocols.opcua.messages_session import (
    ActivateSessionRequest,
    ActivateSessionResponse,
    CreateSessionRequest,
    CreateSessionResponse,
    FindServersRequest,
    GetEndpointsRequest,
    SignatureData,
)
from icsguard.protocols.opcua.refuse import fault
from icsguard.protocols.opcua.services import (
    Request,
    Response,
    build_request,
    build_response,
    parse_request,
    parse_response,
)
from icsguard.protocols.opcua.status import STATUS
from icsguard.protocols.opcua.times import ticks_of

if TYPE_CHECKING:
    from icsguard.conversation.opcua.terminate import Terminated

FIND_SERVERS, ON_NETWORK, GET_ENDPOINTS, CREATE, ACTIVATE = 422, 12208, 428, 461, 467
TAKEN: Final = frozenset({FIND_SERVERS, ON_NETWORK, GET_ENDPOINTS, CREATE, ACTIVATE})
MAX_UNDER_WAY: Final = 8  # discovery and session requests of one connection at a time; clients send one


class SessionServices:
    """The session services of one connection."""

    def __init__(self, talk: Terminated) -> None:
        self._talk = talk
        self._guard = talk.guard
        self.discovery = Discovery(self, talk)
        self._deadlines: dict[int, tuple[int, UaFlight]] = {}
        """RequestId to when it must have been answered, and what was asked."""

    def takes(self, request: Request) -> bool:
        """Say whether a request is answered here."""
        return request.number in TAKEN

    def take(self, id_: int, request: Request, now: int) -> None:
        """Take a request of discovery or of a session's beginning."""
        flight = self._talk.flight(id_, request, self._guard.ledger.of(request.header.token), now)
        self._talk.traffic.requests += 1
        limit = self._guard.nodes.limits.session_message
        if request.defect is not None:
            self.refuse(flight, request.defect.reply or STATUS["BadDecodingError"], request.defect.code, now)
        elif len(request.raw) > limit:
            self.refuse(flight, STATUS["BadRequestTooLarge"], "session-message", now)
        elif id_ in self._deadlines or len(self._deadlines) >= MAX_UNDER_WAY:
            self.refuse(flight, STATUS["BadTooManyOperations"], "too-many-waiting", now)
        else:
            self._deadlines[id_] = (now + self._guard.conduit.device_timeout_ms * MS, flight)
            self._begin(flight, now)

    def _prepared(self, flight: UaFlight, then: Callable[[int], None], now: int) -> None:
        """Go on once channel, certificate and endpoints of the device are known: signatures and tokens need them."""

        def go(later: int) -> None:
            if flight.id in self._deadlines:
                self.discovery.knowing(flight, then, later)

        why = self._talk.far.when_ready(go, now)
        if why is not None:
            self.refuse(flight, why.reply or STATUS["BadCommunicationError"], why.code, now, why.text)

    def is_under_way(self, flight: UaFlight) -> bool:
        """Say whether a request still waits for its answer."""
        return flight.id in self._deadlines

    def _begin(self, flight: UaFlight, now: int) -> None:
        match flight.request.body:
            case GetEndpointsRequest():
                self.discovery.knowing(flight, lambda later: self.discovery.tell_endpoints(flight, later), now)
            case FindServersRequest():
                self.discovery.knowing(flight, lambda later: self.discovery.tell_servers(flight, later), now)
            case CreateSessionRequest():
                asked = flight.request.body
                self._prepared(flight, lambda later: self._create(flight, asked, later), now)
            case ActivateSessionRequest():
                wish = flight.request.body
                self._prepared(flight, lambda later: self._activate(flight, wish, later), now)
            case _:
                self.refuse(flight, STATUS["BadServiceUnsupported"], "service-unknown", now)

    # Answers.

    def refuse(self, flight: UaFlight, status: int, code: str, now: int, text: str = "") -> None:
        """Answer with a fault of our own, whatever the mode: these are the gateway's own doors."""
        layer = Layer.GRAMMAR if flight.request.defect is not None else Layer.POLICY
        flight.note(Reason(layer, code, text or f"{flight.request.name}: {code}", Decision.REFUSE, reply=status))
        flight.decision, flight.reply = Decision.REFUSE, status
        self._talk.traffic.refused += 1
        self._finish(flight, fault(flight.request, status, self.ticks(now)), Outcome.REFUSED, now)
        self._guard.quarantine.grave_event(self._talk.client.address, flight.reasons[-1].text, now)

    def _finish(self, flight: UaFlight, body: bytes, outcome: Outcome, now: int) -> None:
        self._deadlines.pop(flight.id, None)
        _released(flight)
        flight.response_at = now
        self._talk.reply(flight.id, flight.request, body, now)
        self._talk.traffic.end(flight, outcome, now)

    def good(self, flight: UaFlight, parameters: tuple[object, ...], now: int) -> None:
        """Give the client a good answer."""
        header = ResponseHeader(self.ticks(now), flight.request.header.handle)
        self._finish(flight, build_response(flight.request.number, header, parameters), Outcome.ANSWERED, now)

    def _fault_of(self, flight: UaFlight, response: Response, now: int) -> None:
        """Pass the device's own fault on."""
        flight.reply = response.fault
        self._finish(flight, fault(flight.request, response.fault, self.ticks(now)), Outcome.EXCEPTION, now)

    def ticks(self, now: int) -> int:
        """Return the time on the wire."""
        return ticks_of(now + self._guard.wall_shift)

    def exchange(
        self, flight: UaFlight, parameters: tuple[object, ...], then: Callable[[Response, int], None], now: int
    ) -> None:
        """Ask the device in the client's name; `then` gets its parsed answer, the client every fault."""
        header = flight.request.header._replace(diagnostics=0)
        if flight.request.number in {FIND_SERVERS, GET_ENDPOINTS}:
            header = RequestHeader(timestamp=header.timestamp, handle=header.handle)
        body = build_request(header, parameters)

        def answered(raw: bytes, later: int) -> None:
            if flight.id not in self._deadlines:
                return
            response = parse_response(raw)
            if response.fault:
                self._fault_of(flight, response, later)
            elif response.defect is not None or response.number != flight.request.number:
                self.refuse(flight, STATUS["BadUnknownResponse"], "response-service", later)
            else:
                then(response, later)

        why = self._talk.exchange(flight.id, body, answered, now)
        if why is not None:
            self.refuse(flight, why.reply or STATUS["BadCommunicationError"], why.code, now, why.text)

    # CreateSession.

    def _create(self, flight: UaFlight, asked: CreateSessionRequest, now: int) -> None:
        why = self._may_create(asked, now)
        if why is not None:
            self.refuse(flight, why.reply, why.code, now, why.text)
            return
        guard, near = self._guard, self._talk.near
        nonce = self._talk.draw(NONCE)
        upstream = self._upstream
        wish = asked._replace(
            client=asked.client._replace(
                uri=self._talk.far.our_uri if upstream is not None else asked.client.uri, urls=None, gateway=None
            ),
            server_uri=None,
            url=guard.device_url,
            name=f"{asked.name or 'session'} ({self._talk.client.address})",
            nonce=nonce,
            certificate=upstream.certificate if upstream is not None else None,
            max_response=min(asked.max_response or near.large.message, near.large.message),
        )
        self.exchange(flight, wish, lambda got, later: self._created(flight, asked, nonce, got, later), now)

    def _may_create(self, asked: CreateSessionRequest, now: int) -> Defect | None:
        guard, near = self._guard, self._talk.near
        if near.is_discovery:
            return _no(
                "channel-floor", "sessions need a security that this conduit offers", "BadSecurityPolicyRejected"
            )
        full = guard.ledger.held_by(self._talk.client.address) >= guard.nodes.limits.sessions_per_client
        if full or guard.ledger.is_full:
            return _no("too-many-sessions", "this client has as many sessions as it may", "BadTooManySessions")
        if near.channel.peer is None:
            return None
        shown = certificate_of(asked.certificate)
        if isinstance(shown, Defect) or shown.der != near.channel.peer.der:
            return _no("certificate-other", "not the certificate of its channel", "BadCertificateInvalid")
        if asked.client.uri != shown.uri:
            return _no(
                "certificate-uri", "its ApplicationUri is not the one in its certificate", "BadCertificateUriInvalid"
            )
        if len(asked.nonce or b"") < NONCE:
            return _no("nonce-short", f"a client nonce of less than {NONCE} bytes", "BadNonceInvalid")
        return guard.trust.client(asked.certificate or b"", asked.client.uri or "", now + guard.wall_shift)

    @property
    def _upstream(self) -> Credentials | None:
        return self._talk.far.ours if self._talk.far.law.secures else None

    def _created(
        self, flight: UaFlight, asked: CreateSessionRequest, nonce: bytes, response: Response, now: int
    ) -> None:
        body = response.body
        assert isinstance(body, CreateSessionResponse)  # noqa: S101 - its number was compared
        talk, guard = self._talk, self._guard
        device, upstream = talk.far.certificate, self._upstream
        proof = None
        if device is not None and upstream is not None:
            shown = certificate_of(body.certificate)
            if isinstance(shown, Defect) or shown.der != device.der:
                self.refuse(flight, STATUS["BadCertificateInvalid"], "device-certificate", now)
                return
            proof = Proof(device, talk.far.law, body.signature.signature or b"", upstream.leaf + nonce)
        signing = None
        if talk.near.channel.peer is not None and guard.legs.ours is not None:
            data = talk.near.channel.peer.der + (asked.nonce or b"")
            signing = Signing(guard.legs.ours, talk.near.channel.policy, data)
        self._work(
            flight, Resign(proof, signing), lambda made, at: self._opened(flight, asked, response, made, at), now
        )

    def _work(self, flight: UaFlight, work: Resign, then: Callable[[Resigned, int], None], now: int) -> None:
        """Do RSA work, inline where there is none."""

        def done(result: object, later: int) -> None:
            if flight.id not in self._deadlines:
                return
            if isinstance(result, Resigned):
                then(result, later)
                return
            why = result if isinstance(result, Defect) else _no("job-failed", "a key of ours", "BadUnexpectedError")
            self.refuse(flight, why.reply, why.code, later, why.text)

        if work.is_light:
            done(work.run(), now)
        else:
            self._talk.start(work, done, now)

    def _opened(
        self, flight: UaFlight, asked: CreateSessionRequest, response: Response, made: Resigned, now: int
    ) -> None:
        body = response.body
        assert isinstance(body, CreateSessionResponse)  # noqa: S101 - its number was compared
        talk, guard = self._talk, self._guard
        entry = guard.ledger.opened(
            body.token,
            address=talk.client.address,
            uri=asked.client.uri or "",
            timeout_ms=body.timeout_ms,
            now=now,
        )
        if entry is None:
            self.refuse(flight, STATUS["BadTooManySessions"], "too-many-sessions", now)
            return
        entry.name, entry.creator = asked.name or "", talk.flow
        entry.certificate = talk.near.channel.peer
        entry.device_nonce, entry.our_nonce = body.nonce or b"", talk.draw(NONCE)
        guard.known.answered(flight.request, response)
        answer = body._replace(
            nonce=entry.our_nonce,
            certificate=self.discovery.face.certificate,
            endpoints=endpoints(guard.device_endpoints, guard.options.server_security, self.discovery.face),
            certificates=None,
            signature=made.signature,
            max_request=min(body.max_request or talk.near.large.message, talk.near.large.message),
        )
        flight.entry = entry
        self.good(flight, answer, now)

    # ActivateSession.

    def _activate(self, flight: UaFlight, asked: ActivateSessionRequest, now: int) -> None:
        entry = flight.entry
        why = self._may_activate(entry)
        if why is not None or entry is None:
            why = why or _no("session-unknown", "no session of that token", "BadSessionIdInvalid")
            self.refuse(flight, why.reply, why.code, now, why.text)
            return
        wish = wished(self._guard, self._talk.near, self._talk.far, entry, asked)
        if isinstance(wish, Defect):
            self.refuse(flight, wish.reply, wish.code, now, wish.text)
            return
        identity = self._identity(entry, wish.user)
        if not self._admitted(flight, identity, now):
            return
        entry.activating = flight.number
        self._work(
            flight, wish.work, lambda made, at: self._forward(flight, asked, entry, identity, (wish, made), at), now
        )

    def _may_activate(self, entry: Entry | None) -> Defect | None:
        near = self._talk.near
        if near.is_discovery:
            return _no(
                "channel-floor", "sessions need a security that this conduit offers", "BadSecurityPolicyRejected"
            )
        if entry is None:
            return None
        if entry.activating:
            return _no("activation-twice", "an activation of this session is under way", "BadServerTooBusy")
        peer, owner = near.channel.peer, entry.certificate
        same = peer is not None and owner is not None and peer.der == owner.der
        clear = peer is None and owner is None and entry.address == self._talk.client.address
        if same or clear:
            return None
        return _no("session-of-another", "the session belongs to another client", "BadSecureChannelIdInvalid")

    def _identity(self, entry: Entry, user: str) -> Identity:
        channel = self._talk.near.channel
        return Identity(
            self._talk.client.address,
            entry.uri if channel.peer is not None else "",
            channel.peer.pin if channel.peer is not None else "",
            user,
            channel.policy.uri,
            int(channel.mode),
        )

    def _admitted(self, flight: UaFlight, identity: Identity, now: int) -> bool:
        """Ask policy whether such a session may be; in observe it is recorded and passes."""
        guard = self._guard
        if not guard.judges:
            return True
        verdict: Verdict = guard.nodes.admits(identity, guard.node_memory, now)
        flight.reasons += verdict.reasons
        flight.would_be = max(flight.would_be, verdict.would_be)
        if not guard.acts or verdict.decision <= Decision.HOLD:
            return True
        status = verdict.reply or STATUS["BadUserAccessDenied"]
        self.refuse(flight, status, "session-denied", now, verdict.reasons[0].text if verdict.reasons else "")
        return False

    def _forward(
        self,
        flight: UaFlight,
        asked: ActivateSessionRequest,
        entry: Entry,
        identity: Identity,
        made: tuple[Wish, Resigned],
        now: int,
    ) -> None:
        wish, resigned = made
        out = asked._replace(
            signature=resigned.signature,
            certificates=None,
            identity=wish.token(resigned),
            token_signature=SignatureData(None, None),
        )
        self.exchange(flight, out, lambda got, later: self._activated(flight, entry, identity, got, later), now)

    def _activated(self, flight: UaFlight, entry: Entry, identity: Identity, response: Response, now: int) -> None:
        body = response.body
        assert isinstance(body, ActivateSessionResponse)  # noqa: S101 - its number was compared
        entry.device_nonce, entry.our_nonce = body.nonce or b"", self._talk.draw(NONCE)
        entry.identity, entry.flow, entry.last_at = identity, self._talk.flow, now
        entry.address = self._talk.client.address
        self._talk.near.trusted()
        self._read_namespaces(flight, body._replace(nonce=entry.our_nonce, diagnostics=None), now)

    def _read_namespaces(self, flight: UaFlight, answer: ActivateSessionResponse, now: int) -> None:
        """Ask for the names behind the namespace indexes of this run of the device, before the client does anything."""
        body = names_request(flight.request.header.token, now + self._guard.wall_shift)

        def then(raw: bytes, later: int) -> None:
            if flight.id not in self._deadlines:
                return
            self._guard.known.answered(parse_request(body), parse_response(raw))
            self.good(flight, answer, later)

        if self._talk.own_request(body, then, now) is not None:
            self.good(flight, answer, now)

    # Time.

    def abandoned(self) -> None:
        """The way to the device is gone: what was under way has no answer."""
        for _, flight in self._deadlines.values():
            _released(flight)
        self._deadlines.clear()

    def time_out(self, now: int) -> None:
        """End what the device owes for too long."""
        for due, flight in list(self._deadlines.values()):
            if due <= now:
                self._talk.forget_exchange(flight.id)
                flight.reply = STATUS["BadTimeout"]
                self._finish(
                    flight, fault(flight.request, STATUS["BadTimeout"], self.ticks(now)), Outcome.TIMED_OUT, now
                )

    def next_timer(self) -> list[int]:
        """Return the moments at which something is due."""
        return [due for due, _ in self._deadlines.values()]


def _released(flight: UaFlight) -> None:
    """Let another ActivateSession of the same session come: this one is over."""
    if flight.entry is not None and flight.entry.activating == flight.number:
        flight.entry.activating = 0


def _no(code: str, text: str, status: str) -> Defect:
    return Defect(code, text, reply=STATUS[status])
