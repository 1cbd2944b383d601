"""Tickets: requests that wait for a human, each bound to one client and one exact request, good for one pass.

No client waits on a human: the request is answered busy at once. When the operator approves, the client's next
identical request passes once; when nobody answers, the ticket closes by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from icsguard.core.decision import Decision, Layer
from icsguard.core.verdict import Reason

MAX_TICKETS: Final = 64
"""Open tickets of one conduit: more than a human can read. When full, a further request is refused busy without one."""
MAX_CLOSED: Final = 64
"""Closed tickets that can still be asked about; the oldest is forgotten."""

Key = tuple[str, bytes]
"""Client address, and the request's bytes from the unit identifier on: everything but the transaction identifier."""


class TicketState(StrEnum):
    """What became of a ticket."""

    OPEN = "open"
    APPROVED = "approved"
    """The next identical request passes."""
    DENIED = "denied"
    USED = "used"
    EXPIRED = "expired"


@dataclass(slots=True)
class Ticket:
    """One held request."""

    id: str
    key: Key
    request: str
    """In words."""
    why: str
    opened: int
    until: int
    state: TicketState = TicketState.OPEN
    asked: int = 1
    """How often the client sent the request."""
    record: str = ""
    """Id of the record that explains it."""
    by: str = ""
    """Who approved or denied."""

    def approval(self) -> Reason:
        """Return why the held request passes now."""
        text = f"{self.by} approved exactly this request (ticket {self.id})"
        return Reason(Layer.OPERATOR, "approved", text, Decision.ALLOW)


class Tickets:
    """The tickets of one conduit."""

    __slots__ = ("_closed", "_live", "ttl_ns")

    def __init__(self, ttl_ns: int) -> None:
        self.ttl_ns = ttl_ns
        self._live: dict[Key, Ticket] = {}
        self._closed: list[Ticket] = []

    def __len__(self) -> int:
        return sum(ticket.state is TicketState.OPEN for ticket in self._live.values())

    def live(self, now: int) -> list[Ticket]:
        """Return the tickets that are open or approved."""
        self.expire(now)
        return list(self._live.values())

    def find(self, ticket_id: str) -> Ticket | None:
        """Return the ticket of that id, open or lately closed."""
        return next((t for t in (*self._live.values(), *self._closed) if t.id == ticket_id), None)

    def again(self, key: Key) -> Ticket | None:
        """Return the open ticket for `key` and count that it was asked for once more; None where there is none."""
        known = self._live.get(key)
        if known is not None:
            known.asked += 1
        return known

    @property
    def is_full(self) -> bool:
        """Say whether no further ticket can be opened."""
        return len(self._live) >= MAX_TICKETS

    def open(self, ticket: Ticket) -> Ticket:
        """Take a new ticket in; the caller looked whether there is room."""
        self._live[ticket.key] = ticket
        return ticket

    def use(self, key: Key, now: int) -> Ticket | None:
        """Return the approved ticket for `key` and close it: it is good for one pass."""
        self.expire(now)
        ticket = self._live.get(key)
        if ticket is None or ticket.state is not TicketState.APPROVED:
            return None
        self._close(ticket, TicketState.USED)
        return ticket

    def approve(self, ticket_id: str, by: str, now: int) -> Ticket | None:
        """Approve an open ticket; its time begins anew. None where no such ticket is open."""
        ticket = self._open(ticket_id, now)
        if ticket is not None:
            ticket.state = TicketState.APPROVED
            ticket.by = by
            ticket.until = now + self.ttl_ns
        return ticket

    def deny(self, ticket_id: str, by: str, now: int) -> Ticket | None:
        """Close an open ticket. None where no such ticket is open."""
        ticket = self._open(ticket_id, now)
        if ticket is not None:
            ticket.by = by
            self._close(ticket, TicketState.DENIED)
        return ticket

    def expire(self, now: int) -> list[Ticket]:
        """Close the tickets whose time is over and return them."""
        over = [ticket for ticket in self._live.values() if ticket.until <= now]
        for ticket in over:
            self._close(ticket, TicketState.EXPIRED)
        return over

    def _open(self, ticket_id: str, now: int) -> Ticket | None:
        self.expire(now)
        ticket = self.find(ticket_id)
        return ticket if ticket is not None and ticket.state is TicketState.OPEN else None

    def _close(self, ticket: Ticket, state: TicketState) -> None:
        ticket.state = state
        del self._live[ticket.key]
        self._closed.append(ticket)
        del self._closed[:-MAX_CLOSED]
