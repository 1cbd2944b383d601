"""What the shadow knows of a point right now: the last word of the device beside the twin's prediction."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PointState:
    """One point of one conduit as the image and the twin see it; None means: not known."""

    conduit: str
    name: str
    unit: str
    """Engineering unit, for people."""
    value: float | None
    """Last value that the device said or acknowledged, in engineering units."""
    age_ms: int
    """How old `value` is; 0 where there is none."""
    quality: str
    """`good`, `stale`, `unknown`, or what contradicts it, e.g. `mismatch`, `frozen`, `bad: 0x80050000 …`."""
    predicted: float | None = None
    """What the twin expects now."""
    band: float | None = None
    """Half width of the band in which the twin expects it."""
    safe_min: float | None = None
    safe_max: float | None = None
    where: str = ""
    """Where it lives in the device: `unit 1 holding 100 (40101)`."""
    status: int | None = None
    """StatusCode of its last word as an OPC UA server sent it; None where there is none."""
    source_age_ms: int | None = None
    """How old that word is by its source's clock, by its arrival where that clock cannot be believed."""
