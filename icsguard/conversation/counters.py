"""What a conduit counts: the numbers behind `status` and the periodic summaries."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

BUCKETS: Final = 24
"""Powers of two of microseconds: the last bucket begins at eight seconds, beyond any deadline."""
HOT_BUCKET: Final = 4
"""Where the hot path counts: it takes about one microsecond, and the socket call after it some more, below sixteen."""


@dataclass(slots=True)
class Counters:
    """Counts since the gateway started."""

    hot: int = 0
    """Finished ones that took the hot path."""
    cold: int = 0
    """All other finished ones."""
    writes: int = 0
    refused: int = 0
    held: int = 0
    alerted: int = 0
    would_be: int = 0
    """What full enforcement would have stopped, where it was not stopped."""
    failovers: int = 0
    writes_unknown: int = 0
    unreachable: int = 0
    timed_out: int = 0
    malformed: int = 0
    device_faults: int = 0
    """Answers that were not delivered: late, duplicate, unsolicited, malformed."""
    shed_clients: int = 0
    isolations: int = 0
    added: list[int] = field(default_factory=lambda: [0] * BUCKETS)
    """Requests by time between arrival and hand-over: bucket n holds those below 2**n µs."""

    @property
    def transactions(self) -> int:
        """How many are finished."""
        return self.hot + self.cold

    def note_added(self, ns: int) -> None:
        """Count one request that was handed over `ns` after its arrival."""
        self.added[min((max(ns, 0) // 1000).bit_length(), BUCKETS - 1)] += 1

    def p99_added_us(self) -> int:
        """Return the time below which 99 of 100 requests were handed over, in µs, rounded up to a power of two."""
        added = list(self.added)
        added[HOT_BUCKET] += self.hot
        total = sum(added)
        if not total:
            return 0
        left = total // 100
        bucket = BUCKETS
        while left >= 0:  # all together are more than the hundredth that is left out, so this ends
            bucket -= 1
            left -= added[bucket]
        return 1 << bucket
