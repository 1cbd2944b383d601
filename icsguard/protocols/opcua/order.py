"""Which chunk may come when, from which side: the life of one connection as a table (P6 §7.1.3, §6.7.4).

The connection's life begins before its channel's and ends after it; `channel` judges what OPN, MSG and CLO hold.
"""

from __future__ import annotations

from enum import IntEnum
from types import MappingProxyType
from typing import Final

from icsguard.core.defect import Defect
from icsguard.protocols.opcua.defects import defect
from icsguard.protocols.opcua.uacp import ACKNOWLEDGE, CLOSE, ERROR, HELLO, MESSAGE, OPEN, REVERSE


class Stage(IntEnum):
    """How far a connection is."""

    FRESH = 0
    REVERSED = 1
    """The server dialled and said so."""
    GREETED = 2
    READY = 3
    """Limits are agreed upon."""
    OPENING = 4
    OPEN = 5
    CLOSED = 6
    """The client closed its channel, or the server gave up."""


CLIENT, SERVER = True, False

_STEPS: Final = {
    (Stage.FRESH, SERVER, REVERSE): Stage.REVERSED,
    (Stage.FRESH, CLIENT, HELLO): Stage.GREETED,
    (Stage.REVERSED, CLIENT, HELLO): Stage.GREETED,
    (Stage.GREETED, SERVER, ACKNOWLEDGE): Stage.READY,
    (Stage.READY, CLIENT, OPEN): Stage.OPENING,
    (Stage.OPENING, SERVER, OPEN): Stage.OPEN,
    **{(Stage.OPEN, side, kind): Stage.OPEN for side in (CLIENT, SERVER) for kind in (OPEN, MESSAGE)},
    (Stage.OPEN, CLIENT, CLOSE): Stage.CLOSED,
    (Stage.CLOSED, SERVER, MESSAGE): Stage.CLOSED,  # answers that were under way
    **{(stage, SERVER, ERROR): Stage.CLOSED for stage in Stage},
}
STEPS: Final = MappingProxyType(_STEPS)
"""(Stage, whether the client sends, message type) to the next stage; what is not here is a defect."""


class Order:
    """The stage of one connection."""

    __slots__ = ("stage",)

    def __init__(self) -> None:
        self.stage = Stage.FRESH

    def seen(self, kind: bytes, *, from_client: bool) -> Defect | None:
        """Take note of a chunk; return why it may not come now. The stage stays after a defect."""
        following = STEPS.get((self.stage, from_client, kind))
        if following is None:
            side = "client" if from_client else "server"
            return defect(
                "uacp-order", f"{kind.decode()} from the {side} on a connection that is {self.stage.name.lower()}"
            )
        self.stage = following
        return None
