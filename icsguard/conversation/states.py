"""The three small state machines of a conversation, and which moves are legal.

A flight is one request on its way; a device link is the TCP connection on which flights travel; the client side is
open until the client or we end it. `moved` is the only way from one state to another: an illegal move is our bug.
"""

from __future__ import annotations

from enum import Enum
from typing import Final, TypeVar


class Stage(Enum):
    """Where a request is."""

    __hash__ = object.__hash__  # members are single objects; Enum's own hash is a Python call, several times a frame

    WAITING = "waiting"
    """Parsed, not judged yet: something before it must be settled first."""
    ASKED = "asked"
    """Policy allowed it, the shadow is asked; nothing reached the device."""
    READY = "ready"
    """Allowed; waits for the device link or for room on it."""
    HANDED_OVER = "handed over"
    """Given to the device link: from here on it is never sent again, unless it is a read."""
    ENDED = "ended"
    """It has its one outcome."""


class LinkState(Enum):
    """How the connection to the device stands."""

    __hash__ = object.__hash__  # as above

    DOWN = "down"
    OPENING = "opening"
    UP = "up"
    DRAINING = "draining"
    """The device said something unexpected or missed a deadline: nothing new is sent, then it is closed."""


class ClientState(Enum):
    """How the connection from the client stands."""

    __hash__ = object.__hash__  # as above

    OPEN = "open"
    HALF_CLOSED = "half closed"
    """The client sent FIN; it still gets its answers."""
    CLOSING = "closing"
    """We stop: nothing new is taken, answers still go out, then it is closed."""
    GONE = "gone"
    """No answer can be delivered any more; flights that the device has are followed to their end."""


STAGE_MOVES: Final = {
    Stage.WAITING: frozenset({Stage.ASKED, Stage.READY, Stage.ENDED}),
    Stage.ASKED: frozenset({Stage.READY, Stage.ENDED}),
    Stage.READY: frozenset({Stage.HANDED_OVER, Stage.ENDED}),
    Stage.HANDED_OVER: frozenset({Stage.READY, Stage.ENDED}),  # back to READY: a read whose link broke, once
    Stage.ENDED: frozenset[Stage](),
}
LINK_MOVES: Final = {
    LinkState.DOWN: frozenset({LinkState.OPENING}),
    LinkState.OPENING: frozenset({LinkState.UP, LinkState.DOWN}),
    LinkState.UP: frozenset({LinkState.DRAINING, LinkState.DOWN}),
    LinkState.DRAINING: frozenset({LinkState.DOWN}),
}
CLIENT_MOVES: Final = {
    ClientState.OPEN: frozenset({ClientState.HALF_CLOSED, ClientState.CLOSING, ClientState.GONE}),
    ClientState.HALF_CLOSED: frozenset({ClientState.CLOSING, ClientState.GONE}),
    ClientState.CLOSING: frozenset({ClientState.GONE}),
    ClientState.GONE: frozenset[ClientState](),
}

_State = TypeVar("_State", bound=Enum)


class IllegalMoveError(Exception):
    """A state machine was asked for a move that its table does not have: a bug of ours, never a peer's fault."""


def moved(table: dict[_State, frozenset[_State]], old: _State, new: _State) -> _State:
    """Return `new`. Raises IllegalMoveError where the table has no such move."""
    if new not in table[old]:
        raise IllegalMoveError(f"{type(old).__name__}: no move from {old.value!r} to {new.value!r}")
    return new
