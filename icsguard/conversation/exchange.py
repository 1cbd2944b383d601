"""The device's half of a conversation: requests go to the link, answers come back, every request gets its one end.

`turns` decides when a request may go; this module hands it over at most once, judges what comes back, and answers the
client in the device's place where the device cannot: 0x0A not reachable, 0x0B no valid answer.
"""

from __future__ import annotations

from typing import Final

from icsguard.conversation import ending
from icsguard.conversation.api import Arrival, CloseLink, Command, OpenLink, ToClient, ToDevice
from icsguard.conversation.flight import Flight
from icsguard.conversation.guard import Guard
from icsguard.conversation.link import OwnLink
from icsguard.conversation.states import LinkState, Stage
from icsguard.core.clock import MS
from icsguard.core.decision import Decision, Layer
from icsguard.core.flow import Client
from icsguard.core.transaction import Outcome
from icsguard.core.verdict import Reason
from icsguard.protocols.modbus.exceptions import ACKNOWLEDGE, NO_RESPONSE, PATH_UNAVAILABLE
from icsguard.protocols.modbus.meaning import BROADCAST, observations
from icsguard.protocols.modbus.pdu import Response
from icsguard.protocols.modbus.refuse import refuse

MAX_ATTEMPTS: Final = 2
"""Times that a read is sent: once more on a new link when its link broke. A write is sent once, whatever happens."""
LIVE: Final = frozenset({LinkState.UP, LinkState.DRAINING})


class Exchange:
    """Requests and answers between one client and its device."""

    __slots__ = ("client", "client_is_gone", "commands", "flow", "guard", "link", "patience")

    def __init__(self, guard: Guard, client: Client, flow: int) -> None:
        conduit = guard.conduit
        self.guard = guard
        self.client = client
        self.flow = flow
        self.client_is_gone = False
        self.patience = max(conduit.device_timeout_ms, conduit.connect_timeout_ms) * MS
        """How long after its arrival a request may still be handed over."""
        self.commands: list[Command] = []
        """What this event has led to so far."""
        self.link = OwnLink(
            max_in_flight=conduit.max_in_flight,
            timeout_ns=conduit.device_timeout_ms * MS,
            quirks=frozenset(conduit.quirks),
        )

    # To the device.

    def send(self, flight: Flight, now: int) -> None:
        """Hand a request over if the link takes it, or see to it that there is a link."""
        link = self.link
        if link.accepts(flight):
            self.commands.append(ToDevice(link.hand_over(flight, now)))
            self.guard.counters.note_added(now - flight.arrived_at)
            if flight.changes:
                self.guard.delivered(flight.meaning, now)
            if not flight.answer_due and flight.request.unit == BROADCAST:
                link.forget(flight)
                self.end(flight, Outcome.NO_ANSWER_DUE, now)
        elif link.state is LinkState.DOWN and self.guard.pacing.allows(now):
            link.move(LinkState.OPENING)
            self.commands.append(OpenLink())
        elif link.state is LinkState.DOWN:
            self.unreachable(flight, "it did not answer the last call", now)

    # From the device.

    def arrived(self, data: bytes, now: int) -> None:
        """Take what the device sent."""
        self.link.promote()
        for arrival in self.link.arrived(data):
            flight = arrival.flight
            if arrival.defect is not None and not self._passes_anyway(arrival):
                self._fault(arrival, now)
            elif flight is not None and arrival.response is not None:
                flight.response, flight.response_at = arrival.raw, now
                self._observe(flight, arrival.response, now)
                self.to_client(arrival.raw)
                answered = Outcome.EXCEPTION if arrival.response.exception else Outcome.ANSWERED
                self.end(flight, Outcome.ABANDONED if self.client_is_gone else answered, now)

    def lost(self, why: str, now: int) -> list[Flight]:
        """The link broke: return the reads that may be tried once more; the rest has no answer."""
        self.link.move(LinkState.DOWN)
        self.link.promote()
        retry = []
        for flight in self.link.take_all():
            if not flight.changes and flight.attempts < MAX_ATTEMPTS and not self.client_is_gone:
                flight.move(Stage.READY)
                flight.expires = flight.arrived_at + self.patience
                retry.append(flight)
            else:
                self.no_answer(flight, f"the device link broke ({why})", now)
        return retry

    def time_out(self, now: int) -> None:
        """End what the device has owed for too long; a late answer must not meet a later request."""
        due = self.link.next_deadline()
        if not due or due > now:
            return
        self.link.promote()
        for flight in self.link.overdue(now):
            if flight.answer_due:
                self._distrust()
                self.no_answer(flight, "the device did not answer in time", now)
            else:
                self.end(flight, Outcome.NO_ANSWER_DUE, now)

    def _fault(self, arrival: Arrival, now: int) -> None:
        defect, flight = arrival.defect, arrival.flight
        assert defect is not None  # noqa: S101 - the caller looked
        ending.device_fault(self.guard, self.client, self.flow, defect, arrival.raw, now)
        self._distrust()
        owed = [flight] if flight is not None else []
        if defect.fatal:
            self.close_link()
            owed += self.link.take_all()
        for unanswered in owed:
            unanswered.response, unanswered.response_at = arrival.raw, now
            self.no_answer(unanswered, defect.text, now)

    def _passes_anyway(self, arrival: Arrival) -> bool:
        """Observe and learn deliver a misshapen answer that pairs by unit and function, and record it."""
        if self.guard.acts or arrival.flight is None or arrival.response is None or arrival.defect is None:
            return False
        if arrival.defect.code == "response-function":
            return False
        arrival.flight.note(Reason(Layer.GRAMMAR, arrival.defect.code, arrival.defect.text, Decision.REFUSE))
        return True

    def _observe(self, flight: Flight, response: Response, now: int) -> None:
        """Tell policy's memory what the answer proves."""
        memory, unit = self.guard.memory, flight.request.unit
        if response.exception and flight.changes:
            for access in flight.meaning.accesses:
                if response.exception == ACKNOWLEDGE:
                    memory.unknown(unit, access.table, access.span)
                else:
                    memory.rejected(unit, access.table, access.span)
        for seen in observations(flight.request, response):
            memory.seen(seen.table, unit, seen.first, seen.values, now)

    # Ends.

    def end(self, flight: Flight, outcome: Outcome, now: int, *, reply: int = 0) -> None:
        """Give a request its one outcome, and the client its answer where the gateway answers."""
        flight.move(Stage.ENDED)
        flight.outcome = outcome
        flight.reply = reply
        if reply and flight.answer_due:
            self.to_client(refuse(flight.raw, reply))
        ending.mirror(self.guard, self.client, self.flow, flight)
        if not flight.opinion_due:
            ending.write_record(self.guard, self.client, self.flow, flight, now)

    def unreachable(self, flight: Flight, why: str, now: int) -> None:
        """Answer a request that waits, because there is no way to the device; one on its second try was seen there."""
        if flight.attempts:
            self.no_answer(flight, f"it could not be tried once more: {why}", now)
            return
        text = f"the device cannot be reached: {why}"
        flight.note(Reason(Layer.RESOURCES, "device-unreachable", text, Decision.ALLOW))
        self.end(flight, Outcome.UNREACHABLE, now, reply=PATH_UNAVAILABLE)

    def no_answer(self, flight: Flight, why: str, now: int) -> None:
        """The device has the request and gave no valid answer: of a write nobody knows what became."""
        layer = Layer.GRAMMAR if flight.response else Layer.RESOURCES
        flight.note(Reason(layer, "no-valid-answer", why, Decision.ALLOW))
        if flight.changes:
            self.guard.unknown(flight.meaning)
        self.end(flight, Outcome.UNKNOWN if flight.changes else Outcome.TIMED_OUT, now, reply=NO_RESPONSE)

    # The two connections.

    def to_client(self, data: bytes) -> None:
        """Send to the client, if it is there."""
        if not self.client_is_gone:
            self.commands.append(ToClient(data))

    def close_link(self) -> None:
        """Close the device connection."""
        self.link.move(LinkState.DOWN)
        self.commands.append(CloseLink())

    def _distrust(self) -> None:
        """Send nothing new on this link: it is closed when what is in flight has ended."""
        if self.link.state is LinkState.UP:
            self.link.move(LinkState.DRAINING)
