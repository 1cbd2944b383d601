"""A record: one line of evidence, written by the recorder, shipped to the SIEM, explained to the operator."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from icsguard.core.finding import Finding
from icsguard.core.verdict import Reason

SCHEMA = "icsguard.record/1"
"""Version of the record's shape; docs/reference/records.md describes it."""


class RecordKind(StrEnum):
    """What a record is about."""

    VERDICT = "verdict"
    """A transaction was refused, held, alerted, or would have been."""
    MALFORMED = "malformed"
    """Bytes broke the protocol's law, from client or device."""
    DEVICE = "device"
    """A transaction ended without a valid device answer, or the device link changed state."""
    FINDING = "finding"
    """A detector found something that belongs to no single request."""
    FAILOVER = "failover"
    """The failure policy decided because shadow or recorder did not."""
    ISOLATION = "isolation"
    """A client was isolated or released."""
    OPERATOR = "operator"
    """A human changed something: mode, policy, ticket, grant."""
    GAP = "gap"
    """Records or mirrored traffic were lost: how many, from when to when."""
    SUMMARY = "summary"
    """Counters of a period."""
    LIFECYCLE = "lifecycle"
    """A process or conduit started, stopped, connected, died."""


class Severity(StrEnum):
    """How soon a human should look. Order: info, low, medium, high, critical."""

    INFO = "info"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class Record:
    """One line of evidence. Empty fields mean: does not apply."""

    id: str
    """Unique: run of the gateway and a counter, `r5f3a-000012`."""
    kind: RecordKind
    at: int
    """Steady clock, ns since the epoch; the recorder adds the wall clock's reading."""
    severity: Severity
    text: str
    """One plain sentence."""
    conduit: str = ""
    protocol: str = ""
    client: str = ""
    flow: int = 0
    transaction: int = 0
    unit: int | None = None
    function: int | None = None
    sub: int | None = None
    target: str = ""
    """What the request touches, PDU and reference address: `holding 100..101 (40101)`."""
    decision: str = ""
    """Lower-case name of the decision as acted upon."""
    would_be: str = ""
    """What full enforcement would have done, where that differs."""
    mode: str = ""
    layer: str = ""
    """The layer whose reason weighs most."""
    technique: str = ""
    reasons: tuple[Reason, ...] = ()
    findings: tuple[Finding, ...] = ()
    outcome: str = ""
    reply: int = 0
    """Exception code that the client got from icsguard; 0 for none."""
    ticket: str = ""
    policy_digest: str = ""
    model_digest: str = ""
    failure_policy: str = ""
    """Set where it decided."""
    latency_us: int = 0
    """From the request's arrival to the answer or decision."""
    request: str = ""
    """Hex of the request ADU, at most MAX_HEX characters; empty where a secret point is touched."""
    response: str = ""
    repeated: int = 1
    """How many equal events this record stands for (duplicates are folded, with their count)."""
    facts: dict[str, str | int | float] = field(default_factory=dict)
    """Further named values of this kind of record."""


MAX_HEX = 520
"""A Modbus TCP ADU has at most 260 bytes: no record ever needs more hex digits."""
