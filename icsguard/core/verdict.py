"""An opinion with its reasons: what policy, twin or operator say about one transaction."""

from __future__ import annotations

from dataclasses import dataclass

from icsguard.core.decision import Decision, Layer


@dataclass(frozen=True, slots=True)
class Reason:
    """One ground for a decision, complete enough to be explained from the record alone."""

    layer: Layer
    code: str
    """Stable and machine-readable, e.g. `value-above-max`."""
    text: str
    """One plain sentence with the numbers in it."""
    decision: Decision
    """What this ground asks for, before rule states and modes soften it."""
    rule: str = ""
    """Id of the rule or name of the limit."""
    technique: str = ""
    """ATT&CK for ICS technique id."""
    point: str = ""
    value: float | None = None
    limit: float | None = None
    reply: int = 0
    """Protocol answer if this ground refuses: a Modbus exception code; 0 for the default of its kind."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The sum of all opinions on one transaction."""

    decision: Decision
    """What to do in enforce mode, rule states already applied."""
    would_be: Decision
    """What all rules in full force would do."""
    reasons: tuple[Reason, ...] = ()
    reply: int = 0
    """Modbus exception code (or OPC UA status) of a refusal; 0 where nothing is refused."""
    cacheable_until: int = 0
    """A read that repeats byte for byte has the same verdict up to this `now` (0: do not cache)."""
    rule: str = ""
    """Id of the rule that allowed it, for evidence."""


ALLOWED = Verdict(Decision.ALLOW, Decision.ALLOW)
"""Nothing against it."""
