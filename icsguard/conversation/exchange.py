"""The device's half of a conversation: requests go to the link, answers come back, every request gets its one end.

`turns` decides when a request may go; this module hands it over at most once, judges what comes back, and answers the
client in the device's place where the device cannot: 0x0A not reachable, 0x0B no valid answer. How the device is
reached is the subclass's: `own` for a link of one client, `pooled` for links that many clients share.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Final

from icsguard.conversation import ending
from icsguard.conversation.api import Command, ToClient
from icsguard.conversation.flight import Flight
from icsguard.conversation.guard import Guard
from icsguard.conversation.states import LinkState, Stage
from icsguard.core.clock import MS
from icsguard.core.decision import Decision, Layer
from icsguard.core.defect import Defect
from icsguard.core.flow import Client
from icsguard.core.transaction import Outcome
from icsguard.core.verdict import Reason
from icsguard.protocols.modbus.exceptions import ACKNOWLEDGE, NO_RESPONSE, PATH_UNAVAILABLE
from icsguard.protocols.modbus.meaning import observations
from icsguard.protocols.modbus.pdu import Response
from icsguard.protocols.modbus.refuse import refuse

MAX_ATTEMPTS: Final = 2
"""Times that a read is sent: once more on a new link when its link broke. A write is sent once, whatever happens."""
LIVE: Final = frozenset({LinkState.UP, LinkState.DRAINING})


class Exchange(ABC):
    """Requests and answers between one client and its device."""

    __slots__ = ("client", "client_is_gone", "commands", "flow", "guard", "patience")

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

    # How the device is reached.

    @property
    @abstractmethod
    def in_flight(self) -> int:
        """How many requests the device has."""

    @property
    @abstractmethod
    def is_done(self) -> bool:
        """Say whether nothing is left to do at the device for a client that is gone."""

    @property
    @abstractmethod
    def is_up(self) -> bool:
        """Say whether a connection to the device stands."""

    @property
    @abstractmethod
    def is_crowded(self) -> bool:
        """Say whether too many requests wait for the device already, those of other clients included."""

    @abstractmethod
    def accepts(self, flight: Flight, now: int) -> bool:
        """Say whether `flight` can be handed over now."""

    @abstractmethod
    def send(self, flight: Flight, now: int) -> None:
        """Hand a request over if that can be now, or see to it that it can be later."""

    @abstractmethod
    def expire(self, flight: Flight, now: int) -> bool:
        """End a request that waits for a connection, if it is that for which it waits."""

    @abstractmethod
    def tidy(self, now: int, *, idle: bool) -> bool:
        """Do what an event leaves to do at the device; `idle`: nothing waits. True where the turns may go on."""

    @abstractmethod
    def leave(self, now: int) -> None:
        """The client is gone."""

    @abstractmethod
    def next_deadline(self) -> int:
        """Return when something is due for this client alone; 0 for never."""

    def handed_over(self, flight: Flight, now: int) -> None:
        """Count what the device has got."""
        self.guard.counters.note_added(now - flight.arrived_at)
        if flight.changes:
            self.guard.delivered(flight.meaning, now)

    def try_again(self, flight: Flight, why: str, now: int) -> bool:
        """Make a request ready again whose link broke, where it may be sent once more; else it has no answer."""
        if flight.changes or flight.attempts >= MAX_ATTEMPTS or self.client_is_gone:
            self.no_answer(flight, f"the device link broke ({why})", now)
            return False
        flight.move(Stage.READY)
        flight.expires = flight.arrived_at + self.patience
        return True

    # From the device.

    def answered(self, flight: Flight, raw: bytes, response: Response, now: int) -> None:
        """Deliver the answer of a request."""
        flight.response, flight.response_at = raw, now
        self._observe(flight, response, now)
        self.to_client(raw)
        answered = Outcome.EXCEPTION if response.exception else Outcome.ANSWERED
        self.end(flight, Outcome.ABANDONED if self.client_is_gone else answered, now)

    def fault(self, defect: Defect, raw: bytes, now: int) -> None:
        """Record what the device sent and nobody gets."""
        ending.device_fault(self.guard, self.client, self.flow, defect, raw, now)

    def passes_anyway(self, flight: Flight | None, response: Response | None, defect: Defect) -> bool:
        """Observe and learn deliver a misshapen answer that pairs by unit and function, and record it."""
        if self.guard.acts or flight is None or response is None or defect.code == "response-function":
            return False
        flight.note(Reason(Layer.GRAMMAR, defect.code, defect.text, Decision.REFUSE))
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
        if reply and (flight.answer_due or outcome is Outcome.REFUSED):  # what is not forwarded is always answered
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
