"""The course of one request from its arrival to its one outcome, whatever its protocol.

What was decided on it and why, what the shadow said, what became of it. `Flight` (Modbus) and `UaFlight` (OPC UA) add
what the request says; `asking` and `aftermath` need no more than this.
"""

from __future__ import annotations

from icsguard.conversation.states import STAGE_MOVES, Stage, moved
from icsguard.core.decision import Decision, FailurePolicy
from icsguard.core.finding import Finding
from icsguard.core.transaction import Outcome
from icsguard.core.verdict import Reason


class Course:
    """What is known of one request under way. Mutable; it leaves a transaction and at most one record."""

    __slots__ = (
        "approved",
        "arrived_at",
        "changes",
        "decision",
        "failover",
        "findings",
        "judge_until",
        "judged_at",
        "judged_to_act",
        "malformed",
        "model_digest",
        "number",
        "opinion_due",
        "outcome",
        "reasons",
        "reply",
        "response",
        "response_at",
        "sent_at",
        "stage",
        "ticket",
        "would_be",
    )

    def __init__(self, number: int, now: int, *, changes: bool, malformed: bool) -> None:
        self.number = number
        """Of the transaction."""
        self.changes = changes
        """It reaches the device at most once, and the shadow is asked about it."""
        self.malformed = malformed
        self.arrived_at = now
        self.stage = Stage.WAITING
        self.decision = Decision.ALLOW
        """As acted upon."""
        self.would_be = Decision.ALLOW
        self.reasons: tuple[Reason, ...] = ()
        self.findings: tuple[Finding, ...] = ()
        self.model_digest = ""
        self.failover: FailurePolicy | None = None
        """Set where the failure policy decided."""
        self.ticket = ""
        self.approved = False
        """A human approved exactly this request: the shadow is not asked."""
        self.reply = 0
        """What icsguard answered in the device's place: an exception code or a StatusCode."""
        self.judge_until = 0
        self.judged_at = 0
        """The version that policy's memory had when it was judged."""
        self.judged_to_act = False
        """The mode acted on decisions when it was judged."""
        self.sent_at = 0
        self.response = b""
        self.response_at = 0
        self.outcome: Outcome | None = None
        self.opinion_due = False
        """The shadow was asked and has not answered: the record waits for it."""

    def move(self, stage: Stage) -> None:
        """Go to `stage`, where that is legal."""
        self.stage = moved(STAGE_MOVES, self.stage, stage)

    def note(self, reason: Reason) -> None:
        """Keep a reason for the record and the most that it asks for."""
        self.reasons = (*self.reasons, reason)
        self.would_be = max(self.would_be, reason.decision)


def weightiest(reasons: tuple[Reason, ...]) -> Reason:
    """Return the first of the reasons that ask for most."""
    return max(reasons, key=lambda reason: reason.decision)
