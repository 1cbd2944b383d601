"""A client's channel ends here, and another begins towards the device: everything in between is in the clear for us.

Requests keep their RequestIds; what is forwarded keeps its bytes. What concerns channels and sessions is made anew
(`session_services`); all else is judged and forwarded by `traffic`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from icsguard.conversation.opcua import ending
from icsguard.conversation.opcua.api import Command
from icsguard.conversation.opcua.client_leg import ClientLeg
from icsguard.conversation.opcua.device_leg import DeviceLeg, Phase
from icsguard.conversation.opcua.flight import UaFlight
from icsguard.conversation.opcua.guard import UaGuard
from icsguard.conversation.opcua.hot import HotFlight
from icsguard.conversation.opcua.ledger import Entry
from icsguard.conversation.opcua.relaying import is_single
from icsguard.conversation.opcua.session_services import SessionServices
from icsguard.conversation.opcua.sides import ClientSide, DeviceSide
from icsguard.conversation.opcua.talk import Talk
from icsguard.conversation.opcua.traffic import CLOSE_SESSION, Traffic, repeated
from icsguard.conversation.states import ClientState
from icsguard.core.clock import MS, SECOND
from icsguard.core.defect import Defect
from icsguard.core.flow import Client
from icsguard.policy.nodes.identity import Identity
from icsguard.protocols.opcua.chunks import Whole
from icsguard.protocols.opcua.defects import defect
from icsguard.protocols.opcua.meaning import meaning
from icsguard.protocols.opcua.refuse import fault, without_diagnostics
from icsguard.protocols.opcua.services import Request, parse_request
from icsguard.protocols.opcua.status import STATUS
from icsguard.protocols.opcua.times import ticks_of
from icsguard.protocols.opcua.uacp import CLOSE, MESSAGE, Frame

_LOST: Final = STATUS["BadCommunicationError"]
_NO_SESSION: Final = STATUS["BadSessionIdInvalid"]
MAX_FAULTY: Final = 16  # malformed requests in a row that are answered; the next one ends the connection
Own = Callable[[bytes, int], None]


class Terminated(Talk):
    """One client connection that ends in the gateway, and its own connection to the device."""

    def __init__(self, guard: UaGuard, client: Client, flow: int, now: int, draw: Callable[[int], bytes]) -> None:
        super().__init__(guard, client, flow, now, draw)
        self.near = ClientLeg(ClientSide(self))
        self.far = DeviceLeg(DeviceSide(self, lambda: self.near.channel.peer))
        self.services = SessionServices(self)
        self._own: dict[int, Own] = {}
        self._faulty = 0
        if self.is_one_too_many:
            self.close(now)
        self.due = self._next_due()

    def _traffic(self) -> Traffic:
        return Traffic(self.guard, self.client, self.flow, self)

    # What others may know.

    @property
    def is_over(self) -> bool:
        """Say whether nothing is left to do."""
        return self.state is ClientState.GONE and self.far.phase in {Phase.IDLE, Phase.ENDED}

    @property
    def device_is_up(self) -> bool:
        """Say whether there is a channel to the device."""
        return self.far.is_ready

    @property
    def wants_client(self) -> bool:
        """Say whether the client should be read."""
        return self.near.wants_bytes

    @property
    def wants_device(self) -> bool:
        """Say whether the device should be read."""
        return self.far.wants_bytes

    @property
    def can_edit(self) -> bool:
        """Say whether requests and answers can be changed: always."""
        return True

    @property
    def can_trim(self) -> bool:
        """Say whether wishes can be changed in place: always."""
        return True

    @property
    def inspected(self) -> bool:
        """Say whether contents are inspected: always."""
        return True

    @property
    def security(self) -> str:
        """The security of the client's channel, for people."""
        return f"{self.near.channel.policy.name} {self.near.channel.mode.name}"

    @property
    def identity(self) -> Identity | None:
        """Who is active on this connection; the first of several."""
        return next((entry.identity for entry in self.guard.ledger.all() if entry.flow == self.flow), None)

    # What the client does.

    def client_bytes(self, data: bytes, now: int) -> list[Command]:
        """Take what the client sent."""
        if self._calm and is_single(data):
            return self._single(data, now)
        if self.state is ClientState.OPEN:
            self.last_at = now
            self._messages(self.near.feed(data, now), now)
        return self.done(now)

    def _single(self, data: bytes, now: int) -> list[Command]:
        """Take one whole message of one chunk; where it is a known read, nothing else is to be done."""
        self.last_at = now
        whole = self.near.receive(data, now)
        if whole is not None:
            hot = self.traffic.known_read(whole.request, whole.body, now)
            if hot is not None:
                self.due_by(hot.due)
                self._go_hot(whole, now)
                return self._handed_out() if self._calm else self.done(now)
            self._messages([whole], now)
        else:
            self._messages([], now)
        return self.done(now)

    def _handed_out(self) -> list[Command]:
        commands, self.commands = self.commands, []
        return commands

    def client_lost(self, now: int) -> list[Command]:
        """The client is gone: what the device has of its changes is followed to its end, the rest is dropped."""
        if self.state is not ClientState.GONE:
            self.state = ClientState.GONE
            self.traffic.abandon(now)
            self.traffic.abandon_reads(now)
            self.leave(now)
        return self.done(now)

    def _messages(self, wholes: list[Whole], now: int) -> None:
        for whole in wholes:
            if self.state is not ClientState.OPEN:
                return
            if whole.kind == CLOSE:
                self.close(now)
            elif whole.aborted is None:
                self._request(whole, now)
        if self.near.is_open:
            self.greeted()
        if self.near.fatal is not None and self.state is ClientState.OPEN:
            self.guard.quarantine.grave_event(self.client.address, self.near.fatal.text, now)
            self.cut(self.near.fatal, now)

    def _request(self, whole: Whole, now: int) -> None:
        if self.traffic.known_read(whole.request, whole.body, now) is not None:
            self._go_hot(whole, now)
            return
        request = parse_request(whole.body)
        self._faulty = self._faulty + 1 if request.defect is not None else 0
        if self._faulty > MAX_FAULTY:
            self.cut(request.defect or defect("codec-short", "too many malformed requests"), now)
            return
        if self.services.takes(request):
            self.services.take(whole.request, request, now)
            return
        entry = self.guard.ledger.of(request.header.token)
        if entry is None or not self._may_use(entry, request):
            self.no(whole.request, request, _NO_SESSION, "session-unknown", now)
            return
        entry.last_at = now
        self.traffic.take(self.flight(whole.request, request, entry, now), now)

    def _go_hot(self, whole: Whole, now: int) -> None:
        why = (
            repeated(whole.request) if whole.request in self._own else self.far.request(whole.request, whole.body, now)
        )
        if why is not None:
            self.traffic.hot_failed(whole.request, why, now)

    def _may_use(self, entry: Entry, request: Request) -> bool:
        """Say whether a session may be used here: where it is active; closed also where it was created."""
        if entry.flow == self.flow and entry.identity is not None:
            return True
        return request.number == CLOSE_SESSION and not entry.flow and entry.creator == self.flow

    def flight(self, id_: int, request: Request, entry: Entry | None, now: int) -> UaFlight:
        """Return a request as what is judged, recorded and forwarded."""
        names = self.guard.known.names(request.header.token)
        found = meaning(request, names)
        return UaFlight(self.guard.run.next_transaction(), id_, request, found, entry, now)

    def no(self, id_: int, request: Request, status: int, code: str, now: int) -> None:
        """Answer a request that has no business here with a fault, and leave its record."""
        self.services.refuse(self.flight(id_, request, None, now), status, code, now)

    # What travels.

    def forward(self, flight: UaFlight, now: int) -> Defect | None:
        """Hand a request to the device."""
        if flight.id in self._own:
            return repeated(flight.id)
        return self.far.request(flight.id, without_diagnostics(flight.request, flight.body), now)

    def answer(self, flight: UaFlight, body: bytes, frames: tuple[Frame, ...], now: int) -> None:
        """Give the client an answer."""
        del frames
        self.reply(flight.id, flight.request, body, now)

    def reply(self, id_: int, request: Request, body: bytes, now: int) -> None:
        """Send a response to the client; where it is too large for it, the fault that says so."""
        if self.state is not ClientState.OPEN:
            return
        why = self.near.send(MESSAGE, id_, body, now)
        if why is not None and why.code in {"chunk-size", "chunk-count"}:
            too_large = fault(request, STATUS["BadResponseTooLarge"], ticks_of(now + self.guard.wall_shift))
            why = self.near.send(MESSAGE, id_, too_large, now)
        if why is not None:
            self.cut(why, now)

    def own_request(self, body: bytes, then: Own, now: int) -> Defect | None:
        """Make a request of our own; `then` gets its answer."""
        id_ = self.far.next_own()
        self._own[id_] = then
        why = self.far.request(id_, body, now)
        if why is not None:
            del self._own[id_]
        return why

    def exchange(self, id_: int, body: bytes, then: Own, now: int) -> Defect | None:
        """Make a request in the client's name, under its RequestId; `then` gets the answer."""
        if id_ in self._own or self.traffic.uses(id_):
            return repeated(id_)
        self._own[id_] = then
        why = self.far.request(id_, body, now)
        if why is not None:
            del self._own[id_]
        return why

    def forget_exchange(self, id_: int) -> None:
        """The answer to an exchange matters no more: whoever comes late is nobody's."""
        self._own.pop(id_, None)

    # What the device does.

    def link_up(self, now: int) -> list[Command]:
        """The connection to the device stands."""
        self.guard.pacing.succeeded()
        self.far.up(now)
        return self.done(now)

    def link_failed(self, why: str, now: int) -> list[Command]:
        """The device could not be reached: the client is told at once."""
        if self.far.phase is not Phase.DIALLING:
            return self.done(now)
        self.guard.pacing.failed(now)
        self._no_device(
            Defect("device-unreachable", f"no connection to the device: {why}", fatal=True, reply=_LOST), now
        )
        return self.done(now)

    def link_lost(self, why: str, now: int) -> list[Command]:
        """The device connection broke: reads failed, writes have an unknown outcome."""
        if self.far.phase in {Phase.IDLE, Phase.ENDED, Phase.DIALLING}:
            return self.done(now)
        self._no_device(
            Defect("device-lost", f"the connection to the device broke: {why}", fatal=True, reply=_LOST), now
        )
        return self.done(now)

    def _no_device(self, why: Defect, now: int) -> None:
        reached = self.far.is_ready
        self.far.lost()
        self._own.clear()
        self.services.abandoned()
        self.traffic.link_lost(now, reached=reached)
        record = ending.device_fault(self.guard, self.client, self.flow, why, now)
        self.cut(why, now, record=record)

    def link_bytes(self, data: bytes, now: int) -> list[Command]:
        """Take what the device sent."""
        if self._calm and is_single(data):
            whole = self.far.receive(data, now)
            hot = self.traffic.known_answer(whole.request, whole.body, now) if whole is not None else None
            if whole is not None and hot is not None:
                self._deliver(whole, hot, now)
                return self._handed_out() if self.state is ClientState.OPEN else self.done(now)
            self._responses([whole] if whole is not None else [], now)
            return self.done(now)
        if self.far.phase not in {Phase.IDLE, Phase.ENDED, Phase.DIALLING}:
            self._responses(self.far.feed(data, now), now)
        return self.done(now)

    def _responses(self, wholes: list[Whole], now: int) -> None:
        for whole in wholes:
            if self.far.phase is Phase.ASKING:
                self.far.answered(whole, now)
                break
            if self.far.phase is not Phase.READY:
                break
            self._response(whole, now)
        if self.far.fatal is not None and self.far.phase is not Phase.ENDED:
            why = self.far.fatal
            self.hang_up()
            self._no_device(why._replace(reply=_LOST), now)

    def _deliver(self, whole: Whole, hot: HotFlight, now: int) -> None:
        """Give the client the answer to a known read."""
        if self.state is ClientState.OPEN and self.near.send(MESSAGE, whole.request, whole.body, now) is not None:
            self.reply(whole.request, parse_request(hot.body), whole.body, now)

    def _response(self, whole: Whole, now: int) -> None:
        body = whole.body if whole.aborted is None else b""
        hot = self.traffic.known_answer(whole.request, body, now)
        if hot is not None:
            self._deliver(whole, hot, now)
            return
        then = self._own.pop(whole.request, None)
        if then is not None:
            then(body, now)
        else:
            self.traffic.response(whole.request, body, (), now)

    # Time.

    def timer(self, now: int) -> list[Command]:
        """Do what is due."""
        if self.state is ClientState.OPEN and not self.is_isolated(now):
            self._late(now)
        self.traffic.time_out(now)
        self.services.time_out(now)
        self.far.timer(now)
        if self.far.phase in {Phase.DIALLING, Phase.GREETING, Phase.OPENING, Phase.ASKING} and now >= self._far_until:
            self.hang_up()
            self._no_device(
                Defect("device-silent", "the device did not open a channel in time", fatal=True, reply=_LOST), now
            )
        return self.done(now)

    @property
    def _far_until(self) -> int:
        conduit = self.guard.conduit
        patience = conduit.connect_timeout_ms * MS + self.guard.options.handshake_timeout_s * SECOND
        return self.far.since + patience

    def _late(self, now: int) -> None:
        """End a connection that does not come to the point, or whose client is no longer trusted."""
        near = self.near
        incomplete = self.guard.options.incomplete_timeout_s * SECOND
        fault_, device_fault = near.revoked(now), self.far.revoked(now)
        if fault_ is not None:
            self.cut(fault_, now)
        elif device_fault is not None:
            self.hang_up()
            self._no_device(device_fault._replace(fatal=True, reply=_LOST), now)
        elif self.handshake_until and now >= self.handshake_until:
            self.cut(Defect("handshake-late", "no open channel in time", fatal=True, reply=STATUS["BadTimeout"]), now)
        elif near.unfinished_since and now >= near.unfinished_since + incomplete:
            self.cut(
                Defect("message-late", "an unfinished message is too old", fatal=True, reply=STATUS["BadTimeout"]), now
            )
        elif near.is_open and near.channel.tokens.held and now > near.channel.tokens.held[-1].refused:
            self.cut(defect("channel-token", "the channel's last token has expired"), now)
        else:
            self._idle(now)

    def _idle(self, now: int) -> None:
        idle = self.guard.conduit.idle_timeout_s
        if idle and now >= self.last_at + idle * SECOND and not self.in_flight:
            self.close(now)

    def _next_due(self) -> int:
        """Return when the next thing is due; 0 for nothing."""
        due = self.traffic.next_timer() + self.services.next_timer()
        due += [self.far.next_timer(), self.handshake_until]
        if self.far.phase in {Phase.DIALLING, Phase.GREETING, Phase.OPENING, Phase.ASKING}:
            due.append(self._far_until)
        if self.state is ClientState.OPEN:
            near, conduit = self.near, self.guard.conduit
            if near.unfinished_since:
                due.append(near.unfinished_since + self.guard.options.incomplete_timeout_s * SECOND)
            if near.is_open and near.channel.tokens.held:
                due.append(near.channel.tokens.held[-1].refused + 1)
            if conduit.idle_timeout_s and not self.in_flight:
                due.append(self.last_at + conduit.idle_timeout_s * SECOND)
        if self.is_unsaid:
            return self.since
        return min((moment for moment in due if moment), default=0)

    def _is_calm(self) -> bool:
        return (
            self.state is ClientState.OPEN
            and self.far.phase is Phase.READY
            and not (self._faulty or self.near.is_amid or self.far.is_amid)
        )

    # Ends.

    def go_on(self, now: int) -> None:
        """Go on after a job: chunks may have waited for it on either side."""
        if self.state is ClientState.OPEN:
            self._messages(self.near.pump(now), now)
        if self.far.phase not in {Phase.IDLE, Phase.ENDED, Phase.DIALLING}:
            self._responses(self.far.pump(now), now)

    def done(self, now: int) -> list[Command]:
        """Close what is finished, and hand out the commands of this event."""
        ends = self.state is not ClientState.OPEN
        if ends and self.far.phase is not Phase.ENDED and not self.traffic.owes_changes:
            self.traffic.abandon_reads(now)
            self.far.close(now)
            self.traffic.link_lost(now, reached=True)
        self.finish()
        self.due = self._next_due()
        self._calm = self._is_calm()
        commands, self.commands = self.commands, []
        return commands
