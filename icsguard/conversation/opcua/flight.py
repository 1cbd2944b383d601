"""One OPC UA request from its arrival to its one outcome."""

from __future__ import annotations

from typing import TYPE_CHECKING

from icsguard.conversation.opcua.ledger import Entry
from icsguard.conversation.states import STAGE_MOVES, Stage, moved
from icsguard.core.decision import Decision, FailurePolicy
from icsguard.core.finding import Finding
from icsguard.core.meaning import Meaning
from icsguard.core.transaction import Outcome
from icsguard.core.verdict import Reason
from icsguard.protocols.opcua.meaning import changes_plant
from icsguard.protocols.opcua.refuse import Split
from icsguard.protocols.opcua.services import Request
from icsguard.protocols.opcua.uacp import Frame

if TYPE_CHECKING:
    from icsguard.policy.nodes.judge import NodeJudge


class UaFlight:
    """One request. Mutable while under way."""

    __slots__ = (
        "approved",
        "arrived_at",
        "body",
        "changes",
        "decision",
        "entry",
        "failover",
        "findings",
        "frames",
        "id",
        "judge_until",
        "judged_at",
        "judged_by",
        "judged_to_act",
        "meaning",
        "model_digest",
        "number",
        "opinion_due",
        "outcome",
        "reasons",
        "refused",
        "reply",
        "request",
        "response",
        "response_at",
        "sent_at",
        "split",
        "stage",
        "ticket",
        "until",
        "would_be",
    )

    def __init__(
        self, number: int, id_: int, request: Request, meaning: Meaning, entry: Entry | None, now: int
    ) -> None:
        self.number = number
        """Of the transaction."""
        self.id = id_
        """RequestId on the client's channel."""
        self.request = request
        self.meaning = meaning
        self.entry = entry
        """Its session; None for discovery."""
        self.body = request.raw
        """What goes to the device, if it goes."""
        self.frames: tuple[Frame, ...] = ()
        """Its chunks as they came, where they can be passed on so."""
        self.changes = changes_plant(meaning)
        self.arrived_at = now
        self.stage = Stage.WAITING
        self.decision = Decision.ALLOW
        self.would_be = Decision.ALLOW
        self.reasons: tuple[Reason, ...] = ()
        self.findings: tuple[Finding, ...] = ()
        self.model_digest = ""
        self.failover: FailurePolicy | None = None
        self.ticket = ""
        self.approved = False
        self.reply = 0
        """StatusCode that icsguard answers for the whole request."""
        self.refused: dict[int, int] = {}
        """Index of an item to the StatusCode that answers it."""
        self.split: Split | None = None
        self.judge_until = 0
        self.judged_by: NodeJudge | None = None
        self.judged_at = 0
        self.judged_to_act = False
        self.until = 0
        """Up to this `now` the same parameters have the same verdict; 0 for no longer than now."""
        self.sent_at = 0
        self.response = b""
        self.response_at = 0
        self.outcome: Outcome | None = None
        self.opinion_due = False

    def move(self, stage: Stage) -> None:
        """Go to `stage`, where that is legal."""
        self.stage = moved(STAGE_MOVES, self.stage, stage)

    def note(self, reason: Reason) -> None:
        """Keep a reason for the record and the most that it asks for."""
        self.reasons = (*self.reasons, reason)
        self.would_be = max(self.would_be, reason.decision)

    @property
    def forwarded(self) -> Meaning:
        """What of it reaches the device: the items that are not refused."""
        if not self.refused:
            return self.meaning
        places = [place for place in range(len(self.meaning.nodes)) if place not in self.refused]
        new = {old: place for place, old in enumerate(places)}
        return self.meaning._replace(
            nodes=tuple(self.meaning.nodes[place] for place in places),
            node_changes=tuple(
                change._replace(place=new[change.place]) for change in self.meaning.node_changes if change.place in new
            ),
        )
