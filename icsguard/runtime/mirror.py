"""The gateway's outlet: mirrored traffic and records, in batches, to shadow and recorder.

Never waits and never touches a disk. Overload sheds mirrored traffic first and counts it; records are kept longer,
because they are evidence, and what is lost of them is counted too. The recorder writes each gap down.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final, cast

from icsguard.control import links
from icsguard.conversation.run import Mirrored, Run
from icsguard.core.record import Record
from icsguard.core.transaction import Transaction
from icsguard.runtime.link import Link

FLUSH_S: Final = 0.01
"""The longest that an event waits for its batch."""
MAX_HELD_RECORDS: Final = 10_000
"""Records kept while the recorder is away: some hours of a quiet site, minutes of a folded flood (about 10 MB).
When full the newest are dropped and counted: how an incident began matters most."""
MAX_AT_ONCE: Final = 512
"""Held records sent in one batch when the recorder is back."""


class Peer:
    """One receiver of batches: its link, if it is there, and what it missed."""

    __slots__ = ("link", "lost_records", "lost_total", "lost_transactions")

    def __init__(self) -> None:
        self.link: Link | None = None
        self.lost_transactions = 0
        """Since the last batch that arrived."""
        self.lost_records = 0
        self.lost_total = 0

    def lose(self, transactions: int, records: int = 0) -> None:
        """Count what this peer will never see."""
        self.lost_transactions += transactions
        self.lost_records += records
        self.lost_total += transactions + records

    def send(self, transactions: list[Mirrored], records: list[Record]) -> bool:
        """Send one batch; False where it was not taken."""
        link = self.link
        if link is None or not link.is_up:
            return False
        batch = links.Batch(
            cast("list[Transaction]", transactions),
            records,
            self.lost_transactions,
            self.lost_records,
        )
        if not link.send(batch):
            return False
        self.lost_transactions = self.lost_records = 0
        return True


class Outlet:
    """Empties a run's outbox towards shadow and recorder."""

    def __init__(self, run: Run, loop: asyncio.AbstractEventLoop) -> None:
        self.shadow = Peer()
        self.recorder = Peer()
        self.armed = False
        self._run = run
        self._loop = loop
        self._held: deque[Record] = deque()

    def note(self) -> None:
        """Something is in the outbox: flush soon, or now if a batch is full."""
        if not self.armed:
            self.armed = True
            self._loop.call_later(FLUSH_S, self.flush)
        elif len(self._run.mirror) >= links.MAX_BATCH:
            self._send()

    def flush(self) -> None:
        """Send what is there."""
        self.armed = False
        self._send()

    def _send(self) -> None:
        run = self._run
        transactions, run.mirror = run.mirror, []
        records, run.records = run.records, []
        if transactions and not self.shadow.send(transactions, []):
            self.shadow.lose(len(transactions))
        self._to_recorder(transactions, records)

    def _to_recorder(self, transactions: list[Mirrored], records: list[Record]) -> None:
        self._hold(records)
        if not transactions and not self._held:
            return
        batch = [self._held.popleft() for _ in range(min(MAX_AT_ONCE, len(self._held)))]
        if not self.recorder.send(transactions, batch):
            self._held.extendleft(reversed(batch))
            self.recorder.lose(len(transactions))
            return
        if self._held and not self.armed:
            self.note()

    def _hold(self, records: list[Record]) -> None:
        room = MAX_HELD_RECORDS - len(self._held)
        self._held.extend(records[:room])
        if len(records) > room:
            self.recorder.lose(0, len(records) - room)
