"""A sum over the last while, without adding everything up again: what `writes` asks on each held write.

Two stacks instead of a running difference: nothing is ever subtracted, so one huge or infinite change leaves no trace
in the sum once it has left the window.
"""

from __future__ import annotations


class SlidingSum:
    """Amounts with their moments. Adding and expiring cost the same however many there are (on average)."""

    __slots__ = ("_most", "_new", "_new_sum", "_old")

    def __init__(self, most: int) -> None:
        self._most = most
        self._old: list[tuple[int, float]] = []
        """Newest first, each with the sum of itself and all younger ones of this list."""
        self._new: list[tuple[int, float]] = []
        """Oldest first, each with its own amount."""
        self._new_sum = 0.0

    def __len__(self) -> int:
        return len(self._old) + len(self._new)

    @property
    def total(self) -> float:
        """The sum of all that is held."""
        return (self._old[-1][1] if self._old else 0.0) + self._new_sum

    def add(self, at: int, amount: float) -> None:
        """Hold `amount`; where `most` are held already, the oldest leaves early."""
        if len(self) >= self._most:
            self._turn_over()
            self._old.pop()
        self._new.append((at, amount))
        self._new_sum += amount

    def expire(self, before: int) -> None:
        """Let go of what was added before that moment. Moments rise: what is asked about is the oldest."""
        while self:
            self._turn_over()
            if self._old[-1][0] >= before:
                return
            self._old.pop()

    def _turn_over(self) -> None:
        """Put the new ones, summed up, in the place of the old ones once none of those is left."""
        if self._old:
            return
        total = 0.0
        while self._new:
            at, amount = self._new.pop()
            total += amount
            self._old.append((at, total))
        self._new_sum = 0.0
