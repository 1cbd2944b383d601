"""What an operator may try in the twin before doing it, and what came of it: several courses of things side by side."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

MAX_OPTIONS = 8
"""Alternatives of one question: more than that nobody compares."""
MAX_POINTS = 64
"""Points that one alternative writes or blocks."""


class Play(StrEnum):
    """What an alternative does."""

    NOTHING = "do nothing"
    """Who moves a set-point goes on moving it as lately."""
    WRITE = "write"
    """Points get the given values, and stay there."""
    ISOLATE = "isolate"
    """One client writes nothing any more; what it set stays."""
    BLOCK = "block"
    """Points are written by nobody any more; they stay as they are."""
    HOLD_LAST = "hold last"
    """Nobody writes anything any more."""
    FAIL_SAFE = "fail-safe"
    """Nobody writes anything any more but the given values, once."""
    RESTORE = "restore"
    """Points go back to what they were before they were last moved about, and stay there."""


@dataclass(frozen=True, slots=True)
class Option:
    """One alternative."""

    play: Play
    values: tuple[tuple[str, float], ...] = ()
    """Point and value, engineering units."""
    client: str = ""
    points: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Violation:
    """A safe limit that would be passed."""

    point: str
    limit: float
    seconds: float
    """From now."""
    predicted: float
    band: float
    """Half width of the forecast's band there; -1 where it was never measured."""
    surely: bool
    """The forecast itself passes the limit; else only its band does."""
    trusted: bool
    """Within the time for which the twin's forecasts of this point are good enough to act on."""


@dataclass(frozen=True, slots=True)
class PointCourse:
    """How one guarded point would go."""

    point: str
    unit: str
    safe_min: float | None
    safe_max: float | None
    values: tuple[float, ...]
    """At equal steps, the first one from now."""


@dataclass(frozen=True, slots=True)
class OptionCourse:
    """What would come of one alternative."""

    name: str
    verdict: str
    """`safe`, `leaves the safe range`, `may leave it`, or `not known` where no forecast is trusted."""
    violations: tuple[Violation, ...]
    courses: tuple[PointCourse, ...]
    is_worse: bool = False
    """It surely leaves the safe range where doing nothing would not, or clearly sooner."""


@dataclass(frozen=True, slots=True)
class Sandbox:
    """All alternatives side by side; doing nothing is the first."""

    conduit: str
    step_s: float
    options: tuple[OptionCourse, ...]
    note: str = ""
    """Why there are none, or what to know of them."""
