"""One OPC UA request from its arrival to its one outcome."""

from __future__ import annotations

from typing import TYPE_CHECKING

from icsguard.conversation.course import Course
from icsguard.conversation.opcua.ledger import Entry
from icsguard.core.meaning import Meaning
from icsguard.protocols.opcua.meaning import changes_plant
from icsguard.protocols.opcua.refuse import Split
from icsguard.protocols.opcua.services import Request
from icsguard.protocols.opcua.uacp import Frame

if TYPE_CHECKING:
    from icsguard.policy.nodes.judge import NodeJudge


class UaFlight(Course):
    """One request. Mutable while under way."""

    __slots__ = (
        "body",
        "entry",
        "frames",
        "id",
        "judged_by",
        "meaning",
        "refused",
        "request",
        "split",
        "until",
    )

    def __init__(
        self, number: int, id_: int, request: Request, meaning: Meaning, entry: Entry | None, now: int
    ) -> None:
        super().__init__(number, now, changes=changes_plant(meaning), malformed=request.defect is not None)
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
        self.refused: dict[int, int] = {}
        """Index of an item to the StatusCode that answers it."""
        self.split: Split | None = None
        self.judged_by: NodeJudge | None = None
        self.until = 0
        """Up to this `now` the same parameters have the same verdict; 0 for no longer than now."""

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
