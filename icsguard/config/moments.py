"""Times in a policy file: rates, weekly windows, ends of grants, time zones. Text in, values out, or ValueError."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from icsguard.core.clock import HOUR, MINUTE, SECOND
from icsguard.policy.rules import Rate, Window, ZoneShift
from icsguard.policy.words import DAYS

_RATE: Final = re.compile(r"(\d{1,6})\s*/\s*(\d{0,5})\s*(s|min|h)")
_PERIODS: Final = {"s": SECOND, "min": MINUTE, "h": HOUR}
_WINDOW: Final = re.compile(r"(?:([A-Za-z,\- ]+?)\s+)?(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})")
_DAY_MINUTES: Final = 24 * 60
_FIRST_YEAR: Final = 2020
_LAST_YEAR: Final = 2060
"""Local time is worked out for these years; a policy is reviewed more often than that."""


def parse_rate(text: str) -> Rate:
    """Return the rate that `10/s`, `6/min` or `3/20s` names."""
    match = _RATE.fullmatch(text.strip())
    if not match or int(match[1]) == 0 or match[2] == "0":
        raise ValueError(f"{text!r} is no rate: write requests per period, as in 10/s, 6/min, 100/h or 3/20s")
    return Rate(int(match[1]), int(match[2] or 1) * _PERIODS[match[3]])


def parse_window(text: str) -> Window:
    """Return the weekly window that `Mon-Fri 06:00-18:00` names; without days it is every day."""
    match = _WINDOW.fullmatch(text.strip())
    if not match:
        raise ValueError(f"{text!r} is no time window: write days and hours, as in 'Mon-Fri 06:00-18:00'")
    start, end = (int(match[at]) * 60 + int(match[at + 1]) for at in (2, 4))
    if max(int(match[3]), int(match[5])) > 59 or start >= _DAY_MINUTES or end > _DAY_MINUTES or start == end:  # noqa: PLR2004 - minutes of an hour
        raise ValueError(f"{text!r}: hours run from 00:00 to 24:00, and a window has a length")
    return Window(_days(match[1] or "Mon-Sun", text), start, end)


def _days(words: str, text: str) -> tuple[int, ...]:
    days: set[int] = set()
    for part in words.replace(" ", "").split(","):
        first, dash, last = part.partition("-")
        names = [day.lower() for day in DAYS]
        if first.lower() not in names or (dash and last.lower() not in names):
            raise ValueError(f"{text!r}: {part!r} names no days; they are {', '.join(DAYS)}, as in Mon-Fri or Sat,Sun")
        at, end = names.index(first.lower()), names.index((last or first).lower())
        while at != end:
            days.add(at)
            at = (at + 1) % 7
        days.add(end)
    return tuple(sorted(days))


def parse_moment(value: str | datetime) -> int:
    """Return ns since the epoch of `2026-11-21T18:00:00Z`."""
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    except ValueError as error:
        raise ValueError(f"{value!r} is no time: write it as 2026-11-21T18:00:00Z") from error
    if moment.tzinfo is None:
        raise ValueError(f"{value!s} has no time zone: add Z, or an offset such as +01:00")
    return int((moment - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1)) * 1_000


def zone_shifts(name: str) -> tuple[ZoneShift, ...]:
    """Return when local time shifts against UTC; nothing for UTC itself."""
    if name == "UTC":
        return ()
    try:
        zone = ZoneInfo(name)
    except (KeyError, OSError, ValueError) as error:
        raise ValueError(f"{name!r} is no time zone: write an IANA name such as Europe/Berlin, or UTC") from error
    day = datetime(_FIRST_YEAR, 1, 1, tzinfo=UTC)
    end = datetime(_LAST_YEAR, 1, 1, tzinfo=UTC)
    shifts = [ZoneShift(0, _offset(zone, day))]
    while day < end:
        after = day + timedelta(days=7)
        if _offset(zone, after) != shifts[-1].offset_s:
            moment = _turn(zone, day, after)
            shifts.append(ZoneShift(int(moment.timestamp()) * SECOND, _offset(zone, moment)))
        day = after
    return tuple(shifts)


def _turn(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """Return the first whole minute with the new offset, by halving the week in which it lies."""
    old = _offset(zone, before)
    low, high = 0, int((after - before) / timedelta(minutes=1))
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _offset(zone, before + timedelta(minutes=middle)) == old else (low, middle)
    return before + timedelta(minutes=high)


def _offset(zone: ZoneInfo, moment: datetime) -> int:
    shift = moment.astimezone(zone).utcoffset()
    return int(shift.total_seconds()) if shift else 0
