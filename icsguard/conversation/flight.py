"""A flight: one request from its arrival to its one outcome."""

from __future__ import annotations

from icsguard.conversation.states import STAGE_MOVES, Stage, moved
from icsguard.core.decision import Decision, FailurePolicy
from icsguard.core.finding import Finding
from icsguard.core.meaning import Meaning
from icsguard.core.transaction import Outcome
from icsguard.core.verdict import ALLOWED, Reason, Verdict
from icsguard.policy.decide import Judge
from icsguard.protocols.modbus.meaning import changes_plant
from icsguard.protocols.modbus.pdu import Request


class Flight:
    """One request. Mutable while under way; what it leaves behind is a transaction and at most one record."""

    __slots__ = (
        "answer_due",
        "approved",
        "arrived_at",
        "attempts",
        "changes",
        "decision",
        "expires",
        "failover",
        "findings",
        "judge_until",
        "judged_at",
        "judged_by",
        "judged_to_act",
        "known_until",
        "meaning",
        "model_digest",
        "number",
        "opinion_due",
        "outcome",
        "raw",
        "reasons",
        "reply",
        "request",
        "response",
        "response_at",
        "sent_at",
        "stage",
        "ticket",
        "tid",
        "verdict",
        "would_be",
    )

    def __init__(self, number: int, raw: bytes, request: Request, meaning: Meaning, *, now: int, expires: int) -> None:
        self.number = number
        self.raw = raw
        self.tid = raw[:2]
        self.request = request
        self.meaning = meaning
        self.changes = changes_plant(meaning)
        """It reaches the device at most once, and the shadow is asked about it."""
        self.arrived_at = now
        self.expires = expires
        """If it was not handed over by then, it is not any more."""
        self.stage = Stage.WAITING
        self.verdict: Verdict = ALLOWED
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
        """Exception code that icsguard answered."""
        self.judge_until = 0
        self.judged_by: Judge | None = None
        """The policy that judged it, and below the version of its memory then."""
        self.judged_at = 0
        self.judged_to_act = False
        """The mode acted on decisions when it was judged."""
        self.known_until = 0
        """Before this `now` it need not be judged: policy allowed the same bytes already (see hot)."""
        self.sent_at = 0
        self.attempts = 0
        self.answer_due = True
        """False where the protocol defines no answer."""
        self.response = b""
        self.response_at = 0
        self.outcome: Outcome | None = None
        self.opinion_due = False
        """The shadow was asked and has not answered: the record waits for it."""

    def move(self, stage: Stage) -> None:
        """Go to `stage`, where that is legal."""
        self.stage = moved(STAGE_MOVES, self.stage, stage)

    def note(self, reason: Reason, would_be: Decision | None = None) -> None:
        """Keep a reason for the record and the most that it asks for."""
        self.reasons = (*self.reasons, reason)
        self.would_be = max(self.would_be, reason.decision if would_be is None else would_be)
