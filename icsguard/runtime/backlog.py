"""Mirrored transactions that wait for the shadow, handed out in slices: what a question waits behind is one slice."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final

from icsguard.control import links
from icsguard.core.transaction import Transaction

MAX_BATCHES: Final = 128  # batches that wait to be observed: seconds of full load. The oldest is shed, and counted


class Backlog:
    """Batches in their order; `shed` counts those that were dropped here, `lost` what the gateway could not send."""

    def __init__(self) -> None:
        self._batches: deque[list[Transaction]] = deque()
        self._taken = 0
        """Transactions of the oldest batch that were handed out."""
        self.shed = self.lost = 0

    def __len__(self) -> int:
        return len(self._batches)

    def put(self, batch: links.Batch) -> None:
        """Take one more batch."""
        self.lost += batch.lost_transactions
        if not batch.transactions:
            return
        if len(self._batches) >= MAX_BATCHES:
            self._batches.popleft()
            self._taken = 0
            self.shed += 1
        self._batches.append(batch.transactions)

    def take(self, most: int) -> Sequence[Transaction]:
        """Return the next transactions, at most so many; empty where none waits."""
        if not self._batches:
            return ()
        oldest, begin = self._batches[0], self._taken
        self._taken += most
        if self._taken >= len(oldest):
            self._batches.popleft()
            self._taken = 0
        return oldest[begin : begin + most]
