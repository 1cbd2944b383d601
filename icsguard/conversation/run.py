"""One run of the gateway: the numbers it gives out, and the outbox that its shell empties.

All conduits share one `Run`, so numbers are unique in the process and one batch serves shadow and recorder.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from icsguard.core.record import Record

MAX_RECENT: Final = 2000
"""Records kept in memory for `explain` and `records`: a busy hour. Older ones are in the recorder's files."""

Mirrored = tuple[int, str, int, str, int, int, bytes, bytes, int, int]
"""A core.transaction.Transaction, field by field; a plain tuple because one is made per transaction."""


class Run:
    """Numbers and outbox of one run. `id` is a few characters that tell this run from others in record ids."""

    __slots__ = ("flows", "id", "mirror", "recent", "records", "records_made", "tickets", "transactions")

    def __init__(self, run_id: str) -> None:
        self.id = run_id
        self.flows = 0
        self.transactions = 0
        """Number of the newest transaction."""
        self.records_made = 0
        self.tickets = 0
        self.records: list[Record] = []
        """Not flushed yet. The shell empties it at every flush; its bound is the shell's."""
        self.mirror: list[Mirrored] = []
        """Not flushed yet, likewise."""
        self.recent: deque[Record] = deque(maxlen=MAX_RECENT)

    def next_flow(self) -> int:
        """Return a number for a new client connection."""
        self.flows += 1
        return self.flows

    def next_transaction(self) -> int:
        """Return a number for a new request."""
        self.transactions += 1
        return self.transactions

    def next_record_id(self) -> str:
        """Return an id for a new record."""
        self.records_made += 1
        return f"{self.id}-{self.records_made:06d}"

    def next_ticket_id(self) -> str:
        """Return an id for a new ticket: short, because humans type it."""
        self.tickets += 1
        return f"t{self.tickets}"

    def put(self, record: Record) -> None:
        """Send a record on its way."""
        self.records.append(record)
        self.recent.append(record)

    def find(self, record_id: str) -> Record | None:
        """Return the recent record of that id."""
        return next((record for record in self.recent if record.id == record_id), None)
