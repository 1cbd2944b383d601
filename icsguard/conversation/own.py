"""The device's half of a session with a link of its own: one client, one connection to the device."""

from __future__ import annotations

from icsguard.conversation.api import Arrival, CloseLink, OpenLink, ToDevice
from icsguard.conversation.exchange import Exchange
from icsguard.conversation.flight import Flight
from icsguard.conversation.guard import Guard
from icsguard.conversation.link import OwnLink
from icsguard.conversation.states import LinkState, Stage
from icsguard.core.clock import MS
from icsguard.core.flow import Client
from icsguard.core.transaction import Outcome
from icsguard.protocols.modbus.meaning import BROADCAST


class OwnExchange(Exchange):
    """Requests and answers on a link that nobody else uses: the client's bytes travel unchanged."""

    __slots__ = ("link",)

    def __init__(self, guard: Guard, client: Client, flow: int) -> None:
        super().__init__(guard, client, flow)
        conduit = guard.conduit
        self.link = OwnLink(
            max_in_flight=conduit.max_in_flight,
            timeout_ns=conduit.device_timeout_ms * MS,
            quirks=frozenset(conduit.quirks),
        )

    @property
    def in_flight(self) -> int:
        """How many requests the device has."""
        return len(self.link.hot) + len(self.link.busy)

    @property
    def is_done(self) -> bool:
        """Say whether the link is closed."""
        return self.link.state is LinkState.DOWN

    @property
    def is_up(self) -> bool:
        """Say whether the link stands."""
        return self.link.state is LinkState.UP

    @property
    def is_crowded(self) -> bool:
        """Say that nobody else's requests wait here."""
        return False

    # To the device.

    def accepts(self, flight: Flight, now: int) -> bool:
        """Say whether the link takes `flight` now."""
        del now
        return self.link.accepts(flight)

    def send(self, flight: Flight, now: int) -> None:
        """Hand a request over if the link takes it, or see to it that there is a link."""
        link = self.link
        if link.accepts(flight):
            self.commands.append(ToDevice(link.hand_over(flight, now)))
            self.handed_over(flight, now)
            if not flight.answer_due and flight.request.unit == BROADCAST:
                link.forget(flight)
                self.end(flight, Outcome.NO_ANSWER_DUE, now)
        elif link.state is LinkState.DOWN and self.guard.pacing.allows(now):
            link.move(LinkState.OPENING)
            self.commands.append(OpenLink())
        elif link.state is LinkState.DOWN:
            self.unreachable(flight, "it did not answer the last call", now)

    def expire(self, flight: Flight, now: int) -> bool:
        """End a request that waits for the connection."""
        if self.link.state not in {LinkState.DOWN, LinkState.OPENING} or flight.stage is not Stage.READY:
            return False
        if self.link.state is LinkState.OPENING:
            self.guard.pacing.failed(now)
            self.close_link()
        self.unreachable(flight, "no connection in time", now)
        return True

    # From the device.

    def arrived(self, data: bytes, now: int) -> None:
        """Take what the device sent."""
        self.link.promote()
        for arrival in self.link.arrived(data):
            flight, response = arrival.flight, arrival.response
            if arrival.defect is not None and not self.passes_anyway(flight, response, arrival.defect):
                self._fault(arrival, now)
            elif flight is not None and response is not None:
                self.answered(flight, arrival.raw, response, now)

    def lost(self, why: str, now: int) -> list[Flight]:
        """The link broke: return the reads that may be tried once more; the rest has no answer."""
        self.link.move(LinkState.DOWN)
        self.link.promote()
        return [flight for flight in self.link.take_all() if self.try_again(flight, why, now)]

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
        self.fault(defect, arrival.raw, now)
        self._distrust()
        owed = [flight] if flight is not None else []
        if defect.fatal:
            self.close_link()
            owed += self.link.take_all()
        for unanswered in owed:
            unanswered.response, unanswered.response_at = arrival.raw, now
            self.no_answer(unanswered, defect.text, now)

    # The connection.

    def tidy(self, now: int, *, idle: bool) -> bool:
        """Close a link that drained, or that nobody uses any more."""
        del now
        link = self.link
        if not link.is_empty:
            return False
        drained = link.state is LinkState.DRAINING
        if drained or (idle and self.client_is_gone and link.state is LinkState.UP):
            self.close_link()
        return drained

    def leave(self, now: int) -> None:
        """The client is gone: a link that is not there yet is not needed."""
        del now
        self.client_is_gone = True
        if self.link.state is LinkState.OPENING:
            self.close_link()

    def next_deadline(self) -> int:
        """Return when the oldest request in flight is overdue; 0 for never."""
        return self.link.next_deadline()

    def close_link(self) -> None:
        """Close the device connection."""
        self.link.move(LinkState.DOWN)
        self.commands.append(CloseLink())

    def _distrust(self) -> None:
        """Send nothing new on this link: it is closed when what is in flight has ended."""
        if self.link.state is LinkState.UP:
            self.link.move(LinkState.DRAINING)
