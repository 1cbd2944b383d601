"""Moments of the gateway's steady clock as the operator's wall clock shows them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def wall(at: int, shift: int, zone: tzinfo | None = None) -> datetime:
    """Return the wall clock's reading (local time, or that of `zone`) at a moment of the steady clock."""
    return (_EPOCH + timedelta(microseconds=(at + shift) // 1000)).astimezone(zone)


def time_of_day(at: int, shift: int, zone: tzinfo | None = None) -> str:
    """Return `10:42:07`."""
    return wall(at, shift, zone).strftime("%H:%M:%S")


def date_and_time(at: int, shift: int, zone: tzinfo | None = None) -> str:
    """Return `2026-11-20 10:42:07`."""
    return wall(at, shift, zone).strftime("%Y-%m-%d %H:%M:%S")
