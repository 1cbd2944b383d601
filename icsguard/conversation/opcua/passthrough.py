"""Two peers keep their own channel, and the gateway looks into it: all of it under None, the contents under Sign.

Under None requests are edited and answers put in, every later chunk renumbered; until the first edit no byte changes.
Under Sign nothing can be altered: a request that may not pass ends the connection. Under SignAndEncrypt only the
channel itself can be judged, and every view must say that contents are not inspected.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import Final

from icsguard.conversation.api import ToClient, ToDevice
from icsguard.conversation.opcua import ending
from icsguard.conversation.opcua.admitting import Admitting
from icsguard.conversation.opcua.api import Command
from icsguard.conversation.opcua.client_leg import FLOOD
from icsguard.conversation.opcua.firewall import CHECKS, chain_shown, revoked, unfit, untrusted, unwanted
from icsguard.conversation.opcua.flight import UaFlight
from icsguard.conversation.opcua.guard import UaGuard
from icsguard.conversation.opcua.namespaces import names_request
from icsguard.conversation.opcua.passing import MAX_HELD, NAMES_REQUEST, Passing
from icsguard.conversation.opcua.relaying import is_single
from icsguard.conversation.opcua.traffic import Traffic
from icsguard.conversation.states import ClientState, LinkState, Stage
from icsguard.core.clock import MS, SECOND
from icsguard.core.defect import Defect
from icsguard.core.flow import Client
from icsguard.protocols.opcua.chunks import Whole
from icsguard.protocols.opcua.defects import defect
from icsguard.protocols.opcua.handshake import Acknowledge, Hello, agreed, greeting, parse_greeting
from icsguard.protocols.opcua.meaning import meaning
from icsguard.protocols.opcua.order import Stage as Life
from icsguard.protocols.opcua.refuse import without_diagnostics
from icsguard.protocols.opcua.services import parse_request, parse_response
from icsguard.protocols.opcua.status import STATUS
from icsguard.protocols.opcua.uacp import ACKNOWLEDGE, CLOSE, HELLO, MAX_CHUNK, MESSAGE, OPEN, Frame

_LONG: Final = Struct("<I")
_REQUEST_ID: Final = 20
_BODY: Final = 24
"""Offsets in a clear MSG chunk (P6 §6.7.2)."""
_LOST: Final = STATUS["BadCommunicationError"]
_REJECTED: Final = STATUS["BadSecurityPolicyRejected"]


class Passed(Passing):
    """One client connection and the device connection that carries it."""

    def __init__(self, guard: UaGuard, client: Client, flow: int, now: int, draw: Callable[[int], bytes]) -> None:
        super().__init__(guard, client, flow, now, draw)
        self.admitting = Admitting(guard, self)
        if self.is_one_too_many:
            self.close(now)
        self.due = self._next_due()

    def _traffic(self) -> Traffic:
        return Traffic(self.guard, self.client, self.flow, self)

    # The hot path.

    def request_passes(self, data: bytes, now: int) -> bytes:
        """Return a known read as it goes to the device, then it counts as handed over; empty for anything else."""
        if not self._calm or not is_single(data):
            return b""
        hot = self.traffic.known_read(_LONG.unpack_from(data, _REQUEST_ID)[0], data[_BODY:], now)
        if hot is None:
            return b""
        self.last_at = now
        self._latest = data
        self.due_by(hot.due)
        return self._far.stamped(data)

    def response_passes(self, data: bytes, now: int) -> bytes:
        """Return the good answer to a known read as it goes to the client; empty for anything else."""
        if not self._calm or not is_single(data):
            return b""
        id_ = _LONG.unpack_from(data, _REQUEST_ID)[0]
        if self.traffic.known_answer(id_, data[_BODY:], now) is None:
            return b""
        return self._near.stamped(data)

    # What the client does.

    def client_bytes(self, data: bytes, now: int) -> list[Command]:
        """Take what the client sent."""
        out = self.request_passes(data, now)
        if out:
            return [ToDevice(out)]
        if self.state is not ClientState.OPEN:
            return self.done(now)
        self.last_at = now
        if self.link is LinkState.DOWN and not self._since_dialled:
            self.link, self._since_dialled = LinkState.OPENING, now
            self.dial()
        frames = self._far.framer.feed(data)
        self._frames.extend(frames)
        self._held += sum(len(frame.raw) for frame in frames)
        self.go_on(now)
        return self.done(now)

    def client_lost(self, now: int) -> list[Command]:
        """The client is gone."""
        if self.state is not ClientState.GONE:
            self.state = ClientState.GONE
            self._frames.clear()
            self.traffic.abandon(now)
            self.traffic.abandon_reads(now)
            self.leave(now)
        return self.done(now)

    def go_on(self, now: int) -> None:
        """Go on with what the client sent, as far as link and verdicts let it."""
        while self._frames and self.link is LinkState.UP and self.state is ClientState.OPEN and not self._is_stalled:
            frame = self._frames.popleft()
            self._held -= len(frame.raw)
            self._from_client(frame, now)
        fatal = self._far.framer.fatal if not self._frames else None
        if self._held > 4 * MAX_HELD:
            fatal = defect("chunk-size", f"{self._held} bytes of a client wait")
        if fatal is not None and self.state is ClientState.OPEN:
            self._breach(fatal, now)
        is_unfinished = self._far.framer.pending or self.watch.pending or self._far.chunks
        self._unfinished = (self._unfinished or now) if is_unfinished else 0

    def _breach(self, why: Defect, now: int) -> None:
        """The client broke the law: that ends it in every mode, because nothing behind it can be understood."""
        self.guard.quarantine.grave_event(self.client.address, why.text, now)
        self.cut(why, now)

    def _from_client(self, frame: Frame, now: int) -> None:
        fault = self._order.seen(frame.kind, from_client=True)
        if fault is not None:
            self._breach(fault, now)
        elif frame.kind == HELLO:
            self._hello(frame, now)
        elif frame.kind == OPEN:
            self._open(frame, now)
        else:
            self._message(frame, now)

    def _hello(self, frame: Frame, now: int) -> None:
        hello = parse_greeting(frame)
        if not isinstance(hello, Hello):
            self._breach(hello if isinstance(hello, Defect) else defect("uacp-order", "no HEL"), now)
            return
        self._near.limits = agreed(hello.receive, hello.max_message, hello.max_chunks, self._large)
        if max(hello.receive, hello.send) <= MAX_CHUNK:
            self.to_device(frame.raw)
        else:  # chunks beyond our bound could not be judged
            fit = hello._replace(receive=min(hello.receive, MAX_CHUNK), send=min(hello.send, MAX_CHUNK))
            self.to_device(greeting(fit))

    def _open(self, frame: Frame, now: int) -> None:
        guard = self.guard
        if not guard.may_open(self.client.address, now):
            self._breach(FLOOD, now)
            return
        fault = self.watch.opened(frame, from_client=True)
        if fault is None and self.watch.policy.secures and guard.acts and guard.options.on_deny != "cut":
            fault = Defect("channel-unseen", "a secured channel cannot be enforced here", fatal=True, reply=_REJECTED)
        fault = fault or unwanted(self.guard, self.watch, frame, now)
        if fault is not None and guard.acts:
            self._breach(fault, now)
            return
        if fault is not None:
            ending.client_fault(guard, self.client, self.flow, fault, now)
        self._judged_mode = False
        self._chains = chain_shown(frame), self._chains[1]
        self._pass_far(frame, now)

    def _message(self, frame: Frame, now: int) -> None:
        whole = self.watch.seen(frame, from_client=True)
        if not self._judged_mode and not self._mode_is_fit(now):
            return
        if isinstance(whole, Defect):
            self._breach(whole, now)
            return
        if not self.watch.is_readable or frame.kind == CLOSE:
            self._pass_far(frame, now)
            return
        self._far.chunks.append(frame)
        self._latest = frame.raw
        if whole is not None:
            frames, self._far.chunks = tuple(self._far.chunks), []
            self._request(whole, frames, now)

    def _mode_is_fit(self, now: int) -> bool:
        """Judge the channel's security as soon as its mode shows."""
        self._judged_mode = True
        fault = unfit(self.guard, self.watch, self.peer)
        if fault is None or not self.guard.acts:
            return True
        self._breach(fault, now)
        return False

    def _request(self, whole: Whole, frames: tuple[Frame, ...], now: int) -> None:
        if whole.aborted is not None:
            for frame in frames:
                self._pass_far(frame, now)
            return
        if self.traffic.known_read(whole.request, whole.body, now) is not None:
            for frame in frames:
                self._pass_far(frame, now)
            return
        request = parse_request(whole.body)
        found = meaning(request, self.guard.known.names(request.header.token))
        entry = self.guard.ledger.of(request.header.token)
        number = self.guard.run.next_transaction()
        flight = UaFlight(number, whole.request, request, found, entry, now)
        flight.frames = frames
        self.admitting.take(flight, now)
        if flight.stage is not Stage.HANDED_OVER and not flight.sent_at:
            self._far.dropped()

    # What travels.

    def _pass_far(self, frame: Frame, now: int) -> None:
        fault = self._far.passed(frame, clear=self.can_edit)
        if fault is not None:
            self._breach(fault, now)

    def _pass_near(self, frame: Frame, now: int) -> None:
        if self.state is not ClientState.OPEN:
            return
        fault = self._near.passed(frame, clear=self.can_edit)
        if fault is not None:
            self.hang_up()
            self._no_device(fault._replace(reply=_LOST), now)

    def forward(self, flight: UaFlight, now: int) -> Defect | None:
        """Hand a request to the device, as it came or without its refused items."""
        frames = flight.frames
        body = flight.body
        if self.can_edit and self.guard.acts and flight.request.header.diagnostics:
            body = without_diagnostics(flight.request, body)
            self._far.dropped()
        elif flight.split is None:
            for frame in frames:
                self._pass_far(frame, now)
            return None
        if not self.can_edit:
            return defect("channel-signature", "a signed request cannot be changed")
        return self._far.inserted(self._latest, flight.id, body)

    def answer(self, flight: UaFlight, body: bytes, frames: tuple[Frame, ...], now: int) -> None:
        """Give the client an answer: the device's own chunks, or ours in their place."""
        self.admitting.answered(flight, body, is_ours=not flight.response_at, now=now)
        if frames:
            for frame in frames:
                self._pass_near(frame, now)
            return
        if self.state is not ClientState.OPEN or self._has_passed:
            return
        if flight.stage is Stage.HANDED_OVER and not self.guard.acts:
            return  # the device owes an answer: it passes when it comes
        if not self.can_edit:
            self._cannot_answer(flight, now)
            return
        self._near.dropped()
        why = self._near.inserted(self._latest, flight.id, body)
        if why is not None:
            self.cut(why, now)

    def _cannot_answer(self, flight: UaFlight, now: int) -> None:
        """Nothing can be put into a signed channel: what is refused ends it; what the device owes may still come."""
        if flight.stage is Stage.HANDED_OVER:
            return
        text = f"{flight.request.name} was refused on a signed channel"
        reply = flight.reply or STATUS["BadUserAccessDenied"]
        self.cut(Defect("cut", text, fatal=True, reply=reply), now)

    # What the device does.

    def link_up(self, now: int) -> list[Command]:
        """The connection to the device stands."""
        if self.link is LinkState.OPENING:
            self.link = LinkState.UP
            self.guard.pacing.succeeded()
            self.go_on(now)
        return self.done(now)

    def link_failed(self, why: str, now: int) -> list[Command]:
        """The device could not be reached: the client is told at once."""
        if self.link is LinkState.OPENING:
            self.guard.pacing.failed(now)
            self._no_device(
                Defect("device-unreachable", f"no connection to the device: {why}", fatal=True, reply=_LOST), now
            )
        return self.done(now)

    def link_lost(self, why: str, now: int) -> list[Command]:
        """The device connection broke."""
        if self.link is LinkState.UP:
            self._no_device(
                Defect("device-lost", f"the connection to the device broke: {why}", fatal=True, reply=_LOST), now
            )
        return self.done(now)

    def _no_device(self, why: Defect, now: int) -> None:
        self.link = LinkState.DOWN
        is_over = self._order.stage is Life.CLOSED
        self.traffic.link_lost(now, reached=True)
        if is_over or self.state is not ClientState.OPEN:
            self.close(now)
            return
        record = ending.device_fault(self.guard, self.client, self.flow, why, now)
        self.cut(why, now, record=record)

    def link_bytes(self, data: bytes, now: int) -> list[Command]:
        """Take what the device sent."""
        out = self.response_passes(data, now)
        if out:
            return [ToClient(out)]
        if self.link is LinkState.UP:
            for frame in self._near.framer.feed(data):
                if self.link is LinkState.UP:
                    self._from_device(frame, now)
            fatal = self._near.framer.fatal
            if fatal is not None and self.link is LinkState.UP:
                self.hang_up()
                self._no_device(fatal._replace(reply=_LOST), now)
        return self.done(now)

    def _from_device(self, frame: Frame, now: int) -> None:
        fault = self._order.seen(frame.kind, from_client=False)
        if fault is not None:
            self.hang_up()
            self._no_device(fault._replace(reply=_LOST), now)
        elif frame.kind == MESSAGE:
            self._answer(frame, now)
        elif frame.kind == OPEN:
            self.watch.opened(frame, from_client=False)
            fault = untrusted(self.guard, self.watch, frame, now)
            if fault is not None:
                ending.device_fault(self.guard, self.client, self.flow, fault, now)
            if fault is not None and self.guard.acts:
                self.hang_up()
                self._no_device(fault._replace(reply=CHECKS), now)
                return
            self._chains = self._chains[0], chain_shown(frame)
            self.greeted()
            self._pass_near(frame, now)
        else:
            if frame.kind == ACKNOWLEDGE:
                self._acknowledged(frame)
            self.to_client(frame.raw)

    def _acknowledged(self, frame: Frame) -> None:
        ack = parse_greeting(frame)
        if isinstance(ack, Acknowledge):
            self._far.limits = agreed(ack.receive, ack.max_message, ack.max_chunks, self._large)

    def _answer(self, frame: Frame, now: int) -> None:
        whole = self.watch.seen(frame, from_client=False)
        if not self.can_edit or not (self.guard.acts or self._names_by):
            begun, self._near.chunks = self._near.chunks, []
            for one in (*begun, frame):
                self._pass_near(one, now)
            self._seen(whole, now)
            return
        if isinstance(whole, Defect):
            self.hang_up()
            self._no_device(whole._replace(reply=_LOST), now)
            return
        self._near.chunks.append(frame)
        if whole is None:
            return
        frames, self._near.chunks = tuple(self._near.chunks), []
        if whole.request == NAMES_REQUEST and self._names_by:
            self._near.dropped()
            self._named(whole.body, now)
            return
        if self.traffic.known_answer(whole.request, whole.body, now) is not None:
            for one in frames:
                self._pass_near(one, now)
            return
        if whole.aborted is not None or not self.traffic.response(whole.request, whole.body, frames, now):
            self._near.dropped()

    def _seen(self, whole: Whole | Defect | None, now: int) -> None:
        """Take note of an answer that nothing can be done about."""
        if isinstance(whole, Defect):
            ending.device_fault(self.guard, self.client, self.flow, whole, now)
        elif whole is not None and whole.aborted is None:
            hot = self.traffic.known_answer(whole.request, whole.body, now)
            if hot is None:
                self._has_passed = True
                self.traffic.response(whole.request, whole.body, (), now)
                self._has_passed = False

    # Time.

    def timer(self, now: int) -> list[Command]:
        """Do what is due."""
        if self.state is ClientState.OPEN and not self.is_isolated(now):
            self._late(now)
        self.traffic.time_out(now)
        if self._names_by and now >= self._names_by:
            self._names_by = 0
        self.go_on(now)
        return self.done(now)

    def _late(self, now: int) -> None:
        incomplete = self.guard.options.incomplete_timeout_s * SECOND
        idle = self.guard.conduit.idle_timeout_s * SECOND
        late = STATUS["BadTimeout"]
        gone = revoked(self.guard, self._chains, now)
        if gone is not None:
            self.cut(gone, now)
        elif self.handshake_until and now >= self.handshake_until:
            self.cut(Defect("handshake-late", "no open channel in time", fatal=True, reply=late), now)
        elif self._unfinished and now >= self._unfinished + incomplete:
            self.cut(Defect("message-late", "an unfinished message is too old", fatal=True, reply=late), now)
        elif idle and now >= self.last_at + idle and not self.in_flight:
            self.close(now)

    def opened_session(self, flight: UaFlight, now: int) -> None:
        """A session is active: requests may be large from now on, and the namespaces' names are asked for."""
        self.watch.agree(self._large)
        if self.can_edit and self.guard.acts:
            self._names_by = now + self.guard.conduit.device_timeout_ms * MS
            body = names_request(flight.request.header.token, now + self.guard.wall_shift)
            self._names_request = body
            self._far.inserted(self._latest, NAMES_REQUEST, body)

    def _named(self, answer: bytes, now: int) -> None:
        """Take the namespaces' names, and go on with what waited for them."""
        self._names_by = 0
        self.guard.known.answered(parse_request(self._names_request), parse_response(answer))
        self.go_on(now)

    # Ends.

    def done(self, now: int) -> list[Command]:
        """Close what is finished, and hand out the commands of this event."""
        ends = self.state is not ClientState.OPEN
        if ends and self.link is not LinkState.DOWN and not self.traffic.owes_changes:
            self.traffic.abandon_reads(now)
            self.link = LinkState.DOWN
            self.hang_up()
        self.finish()
        self.due = self._next_due()
        self._calm = self._is_calm()
        commands, self.commands = self.commands, []
        return commands
