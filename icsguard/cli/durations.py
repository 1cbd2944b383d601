"""Durations as operators type and read them: `30s 10m 4h 2d`, `6 h 12 m`."""

from __future__ import annotations

import re
from typing import Final

from icsguard.cli.exits import CliError, ExitCode

_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_DURATION: Final = re.compile(r"(?:[0-9]{1,6}[smhd])+", re.ASCII)
_PART: Final = re.compile(r"([0-9]+)([smhd])")


def seconds_of(text: str) -> int:
    """Return the seconds of a duration like `90s` or `1h30m`. Raises CliError (usage) for anything else, and for 0."""
    compact = text.strip().lower().replace(" ", "")
    total = sum(int(number) * _SECONDS[unit] for number, unit in _PART.findall(compact))
    if not _DURATION.fullmatch(compact) or total == 0:
        raise CliError(f"'{text}' is not a duration", hint="write it like 30s, 15m, 4h or 2d", code=ExitCode.USAGE)
    return total


def in_words(seconds: float) -> str:
    """Return a duration in its two largest units: `0.4 s`, `42 s`, `6 h 12 m`, `3 d 4 h`."""
    if seconds < 10:  # noqa: PLR2004 - below ten seconds the tenths matter to a reader
        return f"{max(seconds, 0.0):.1f} s"
    parts = []
    rest = int(seconds)
    for unit, size in reversed(_SECONDS.items()):
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2])


def short(seconds: int) -> str:
    """Return a duration so that `seconds_of` reads it back: `15m`, `1h30m`."""
    parts = []
    rest = seconds
    for unit, size in reversed(_SECONDS.items()):
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"
