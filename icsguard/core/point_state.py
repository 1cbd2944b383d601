"""A point as it stands now: what the shadow knows of it and what the twin expects. Shown by `icsguard points`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PointState:
    """One point's live value beside the twin's prediction, in engineering units. None: not known."""

    conduit: str
    name: str
    unit: str = ""
    """Engineering unit, for people."""
    value: float | None = None
    age_ns: int | None = None
    """Time since the value was last seen on the wire."""
    quality: str = "unknown"
    """One word: good, stale, frozen, contradicted, unknown."""
    predicted: float | None = None
    band: float | None = None
    """Half width of the prediction's band."""
    minimum: float | None = None
    """Lower limit that holds for it (writable limit or safe envelope)."""
    maximum: float | None = None
    loop: str = ""
