"""Percentiles of durations in little, fixed memory: a histogram with buckets that grow by 1/16."""

from __future__ import annotations

from typing import Final

_FINE: Final = 4  # bits: 16 buckets for each power of two, so a percentile is at most 1/16 too high
_MAX_BITS: Final = 32  # of a duration in microseconds: 71 minutes, far above every timeout of ours
MAX_US: Final = (1 << _MAX_BITS) - 1
"""A longer duration counts as this one."""


class Latency:
    """Counts durations and answers how long the slowest hundredth took."""

    def __init__(self) -> None:
        self._buckets: dict[int, int] = {}
        self.count = 0

    def add(self, micro: int) -> None:
        """Count one duration in microseconds; a negative one (clocks of two processes) counts as none."""
        bucket = _bucket(min(max(micro, 0), MAX_US))
        self._buckets[bucket] = self._buckets.get(bucket, 0) + 1
        self.count += 1

    def percentile(self, percent: float) -> int:
        """Return the microseconds that `percent` of all durations did not exceed; 0 where none was counted."""
        left = self.count * percent / 100
        for bucket in sorted(self._buckets):
            left -= self._buckets[bucket]
            if left <= 0:
                return _upper_end(bucket)
        return 0


def _bucket(micro: int) -> int:
    shift = max(micro.bit_length() - _FINE - 1, 0)
    return (shift << (_FINE + 1)) + (micro >> shift)


def _upper_end(bucket: int) -> int:
    shift, head = bucket >> (_FINE + 1), bucket & ((2 << _FINE) - 1)
    return ((head + 1) << shift) - 1
