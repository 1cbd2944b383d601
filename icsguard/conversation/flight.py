"""A flight: one Modbus request from its arrival to its one outcome."""

from __future__ import annotations

from icsguard.conversation.course import Course
from icsguard.core.meaning import Meaning
from icsguard.core.verdict import ALLOWED, Verdict
from icsguard.policy.decide import Judge
from icsguard.protocols.modbus.meaning import changes_plant
from icsguard.protocols.modbus.pdu import Request


class Flight(Course):
    """One request. Mutable while under way; what it leaves behind is a transaction and at most one record."""

    __slots__ = (
        "answer_due",
        "attempts",
        "expires",
        "judged_by",
        "known_until",
        "meaning",
        "raw",
        "request",
        "tid",
        "verdict",
    )

    def __init__(self, number: int, raw: bytes, request: Request, meaning: Meaning, *, now: int, expires: int) -> None:
        super().__init__(number, now, changes=changes_plant(meaning), malformed=request.defect is not None)
        self.raw = raw
        self.tid = raw[:2]
        self.request = request
        self.meaning = meaning
        self.expires = expires
        """If it was not handed over by then, it is not any more."""
        self.verdict: Verdict = ALLOWED
        self.judged_by: Judge | None = None
        """The policy that judged it."""
        self.known_until = 0
        """Before this `now` it need not be judged: policy allowed the same bytes already (see hot)."""
        self.attempts = 0
        self.answer_due = True
        """False where the protocol defines no answer."""
