"""What the shadow needs to know of the settings, as values of its own: `detect` sits below `config`."""

from __future__ import annotations

from dataclasses import dataclass, field

from icsguard.core.point import Point


@dataclass(frozen=True, slots=True)
class ConduitOptions:
    """One conduit as the shadow sees it."""

    name: str
    points: tuple[Point, ...] = ()
    isolation_threshold: int = 3
    """So many grave findings or refusals on one client within a minute before its isolation is asked for."""
    isolation_seconds: int = 900
    protocol: str = "modbus"


@dataclass(frozen=True, slots=True)
class ShadowOptions:
    """The shadow as a whole."""

    conduits: tuple[ConduitOptions, ...] = field(default_factory=tuple)
    horizon_s: float = 60.0
    """How far a write is rolled out."""
    window_s: float = 5.0
    """Length of a flow window."""
    alarms_per_day: float = 1.0
