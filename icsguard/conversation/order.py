"""Which request must wait for which: the order that a client may rely on.

A Modbus server may answer pipelined requests in any order (TCP guide §4.2, the transaction identifier is the key), but
it *does* them in the order in which they arrive. While one write is held for the shadow's opinion the rest of the
connection goes on, except where overtaking would change what the client sees: a write never overtakes a write, and a
read never overtakes a write (nor a write a read) of the same elements. A request that names no elements (diagnostics,
private functions) is taken to touch everything when it may change the plant.
"""

from __future__ import annotations

from collections.abc import Iterable

from icsguard.conversation.flight import Flight
from icsguard.core.meaning import Meaning


def must_wait(flight: Flight, earlier: Iterable[Flight]) -> bool:
    """Say whether `flight` may not be judged or sent before one of `earlier`, which came before it."""
    return any(conflicts(flight, other) for other in earlier)


def conflicts(one: Flight, other: Flight) -> bool:
    """Say whether the order of the two matters."""
    if one.changes and other.changes:
        return True
    if not (one.changes or other.changes):
        return False
    return overlap(one.meaning, other.meaning)


def overlap(one: Meaning, other: Meaning) -> bool:
    """Say whether both touch an element in common. Unit identifiers are not compared: they may name one device."""
    if not one.accesses or not other.accesses:
        return True
    return any(
        mine.table == theirs.table and mine.file == theirs.file and mine.span.overlaps(theirs.span)
        for mine in one.accesses
        for theirs in other.accesses
    )
