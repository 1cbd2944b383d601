"""Times on the wire and in icsguard: ticks of 100 ns since 1601 against nanoseconds since 1970 (P6 §5.2.2.5)."""

from __future__ import annotations

from typing import Final

_TICK_NS: Final = 100
_EPOCH_TICKS: Final = 116_444_736_000_000_000
"""1970-01-01 in ticks."""
MAX_TICKS: Final = 0x7FFFFFFFFFFFFFFF
"""Stands for the end of time."""


def ticks_of(now: int) -> int:
    """Return the DateTime of a moment in ns since the epoch."""
    return max(0, min(now // _TICK_NS + _EPOCH_TICKS, MAX_TICKS))


def ns_of(ticks: int | None) -> int | None:
    """Return the moment of a DateTime in ns since the epoch; None where it is absent, 0, or the end of time."""
    if ticks is None or not 0 < ticks < MAX_TICKS:
        return None
    return (ticks - _EPOCH_TICKS) * _TICK_NS
