"""The seams of a conversation: the commands it returns, and what a device link must be able to do.

A `Session` is fed events (bytes, closes, opinions, the time) and returns commands; runtime/modbus_shell.py carries them
out, learn/replay.py interprets them without sockets. A session owns its link (`link.OwnLink`, one client, one device
connection), or shares the lanes of its conduit's `pool.Pool`, which gives its commands by lane.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from icsguard.conversation.flight import Flight
from icsguard.conversation.states import LinkState
from icsguard.core.defect import Defect
from icsguard.core.flow import Client
from icsguard.core.transaction import Opinion, Question
from icsguard.protocols.modbus.pdu import Response


class ToClient(NamedTuple):
    """Write these bytes to the client."""

    data: bytes


class ToDevice(NamedTuple):
    """Write these bytes to the device. Carried out at most once; from here on they count as handed over."""

    data: bytes


class OpenLink(NamedTuple):
    """Connect to the device; answer with `link_up` or `link_failed`."""


class CloseLink(NamedTuple):
    """Close the device connection; no event follows."""


class CloseClient(NamedTuple):
    """Close the client's connection after what was written; answer with `client_lost`."""

    reason: str


class Ask(NamedTuple):
    """Ask the shadow; answer with `opinion` or `opinion_missing`, at the latest call `timer` at `until`."""

    question: Question
    until: int


Command = ToClient | ToDevice | OpenLink | CloseLink | CloseClient | Ask


class LaneCommand(NamedTuple):
    """What is to be done on a link that clients share: `ToDevice`, `OpenLink` or `CloseLink`, and on which."""

    lane: int
    command: Command


class Arrival(NamedTuple):
    """One thing that came from the device."""

    raw: bytes
    flight: Flight | None
    """The request that it answers; None where it answers none."""
    response: Response | None
    """None where it answers none."""
    defect: Defect | None
    """Why it must not be delivered; None where it is a good answer."""


class DeviceLink(Protocol):
    """A way to the device on which flights travel."""

    @property
    def state(self) -> LinkState:
        """How it stands."""
        ...

    def accepts(self, flight: Flight) -> bool:
        """Say whether `flight` can be handed over now."""
        ...

    def hand_over(self, flight: Flight, now: int) -> bytes:
        """Take `flight` into the table of what the device has; return the bytes to send."""
        ...

    def arrived(self, data: bytes) -> list[Arrival]:
        """Pair what the device sent with what it was asked."""
        ...

    def overdue(self, now: int) -> list[Flight]:
        """Take out the flights whose answer did not come in time."""
        ...


class Talk(Protocol):
    """What a shell needs of a conversation, whatever its protocol. Each event returns the commands that it leads to."""

    client: Client
    """Who it is."""

    @property
    def flow(self) -> int:
        """Its number."""
        ...

    @property
    def is_over(self) -> bool:
        """Say whether nothing is left to do."""
        ...

    def asks(self, number: int) -> bool:
        """Say whether an opinion on that transaction is still of use."""
        ...

    def next_timer(self) -> int:
        """Return the `now` at which `timer` must be called at the latest; 0 for never."""
        ...

    def client_bytes(self, data: bytes, now: int) -> list[Command]:
        """Take what the client sent."""
        ...

    def client_eof(self, now: int) -> list[Command]:
        """The client will send no more."""
        ...

    def client_lost(self, now: int) -> list[Command]:
        """The client is gone."""
        ...

    def opinion(self, opinion: Opinion, now: int) -> list[Command]:
        """Take the shadow's answer."""
        ...

    def opinion_missing(self, why: str, now: int) -> list[Command]:
        """The shadow is gone."""
        ...

    def timer(self, now: int) -> list[Command]:
        """Do what is due."""
        ...

    def drain(self, now: int) -> list[Command]:
        """Take nothing new, answer what is under way, then close."""
        ...
