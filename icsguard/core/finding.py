"""One detector's opinion on what it saw, with everything an explanation needs."""

from __future__ import annotations

from dataclasses import dataclass, field

from icsguard.core.decision import Decision, Layer


@dataclass(frozen=True, slots=True)
class Contribution:
    """How much one thing added to a score."""

    name: str
    """A point, feature or symbol."""
    share: float
    """Part of the score, 0 to 1."""
    seen: float | None = None
    expected: float | None = None
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one detector found. Findings never act by themselves; `decision` is the most they ask for."""

    detector: str
    """Stable id, e.g. `what-if`, `twin-spatial`, `flow-model`."""
    layer: Layer
    code: str
    """Stable and machine-readable, e.g. `unsafe-consequence`."""
    text: str
    """One plain sentence: what was seen, what was expected, by how much, what would follow."""
    at: int
    conduit: str
    decision: Decision
    score: float = 0.0
    threshold: float = 0.0
    technique: str = ""
    """ATT&CK for ICS technique id."""
    point: str = ""
    client: str = ""
    flow: int = 0
    transaction: int = 0
    since: int = 0
    """When it began, if before `at`."""
    contributions: tuple[Contribution, ...] = ()
    harmless_cause: str = ""
    """What a false alarm of this kind looks like."""
    facts: dict[str, float] = field(default_factory=dict)
    """Numbers behind the sentence, by name with unit, e.g. `reach_s`, `predicted`, `limit`, `band`."""
