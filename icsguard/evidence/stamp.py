"""Moments as text: RFC 3339 in UTC with microseconds, the one form that all our formats share.

RFC 5424 §6.2.3 allows at most six digits of fraction; nanoseconds stay in the record's `at_ns`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MAX_WALL_NS: Final = 253_402_300_799_999_999_999  # 9999-12-31: the last moment that RFC 3339 can write
"""A clock beyond it (or before 1970) is shown as the nearest end: a record with an odd time beats a lost one."""


def stamp(wall_ns: int) -> str:
    """Return wall-clock nanoseconds since the epoch as `2026-11-20T11:40:10.123456Z`."""
    micro = min(max(wall_ns, 0), MAX_WALL_NS) // 1000
    # Whole numbers all the way: a float of 2026 has no exact microsecond.
    moment = _EPOCH + timedelta(seconds=micro // 1_000_000, microseconds=micro % 1_000_000)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def moment(text: str) -> int:
    """Return the wall-clock nanoseconds of a `stamp`. Raises ValueError where the text is none."""
    since = datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC) - _EPOCH
    return ((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) * 1_000
