"""Pairs responses with the requests in flight on one device link: by transaction identifier, unit and function.

For links that several clients share, where identifiers are counted by us (conversation/lane.py); equal ones, should a
caller repeat one in flight, pair first in, first out. What pairs with nothing has one of four names, because each is
a different fault of the device.
"""

from __future__ import annotations

from collections import deque
from enum import IntEnum
from typing import Final, NamedTuple

from icsguard.core.defect import Defect
from icsguard.protocols.modbus.defects import defect
from icsguard.protocols.modbus.exceptions import EXCEPTION_BIT
from icsguard.protocols.modbus.mbap import Frame
from icsguard.protocols.modbus.messages import Request
from icsguard.protocols.modbus.quirks import NO_QUIRKS, TID_NOT_ECHOED, UNIT_NOT_ECHOED

MAX_IN_FLIGHT: Final = 16  # TCP §4.4.2 recommends 1 to 16 a connection; beyond it the client is answered busy
MAX_ENDED: Final = 4 * MAX_IN_FLIGHT  # remembered to tell late and duplicate answers from unsolicited ones; oldest goes


class Pending(NamedTuple):
    """A request that was handed to the device and has no answer yet."""

    number: int
    """The transaction's number."""
    tid: int
    """Transaction identifier on the device link."""
    unit: int
    function: int
    deadline: int
    """The `now` at which it ends without an answer."""
    request: Request


class Pairing(IntEnum):
    """What a response turned out to be."""

    MATCHED = 0
    LATE = 1
    """Its transaction had ended by timeout."""
    DUPLICATE = 2
    """Its transaction had been answered."""
    MISMATCH = 3
    """The identifier is in flight, for another unit or function: that transaction ends here, its outcome unknown."""
    UNSOLICITED = 4
    """Nobody asked."""


class Match(NamedTuple):
    """A response's partner, or why it has none."""

    pairing: Pairing
    pending: Pending | None
    """The transaction that ends with this response (MATCHED, MISMATCH)."""
    defect: Defect | None
    """Set unless MATCHED."""


class Correlator:
    """The requests in flight on one device link, at most `limit`; each leaves it exactly once."""

    __slots__ = ("_any_tid", "_any_unit", "_ended", "_flying", "_lates", "count", "limit")

    def __init__(self, limit: int = MAX_IN_FLIGHT, quirks: frozenset[str] = NO_QUIRKS) -> None:
        self._any_tid = TID_NOT_ECHOED in quirks
        self._any_unit = UNIT_NOT_ECHOED in quirks
        self.limit = 1 if self._any_tid else max(1, min(limit, MAX_IN_FLIGHT))
        """A device that does not echo identifiers can have one request at a time."""
        self._flying: dict[int, list[Pending]] = {}
        self.count = 0
        """How many are in flight; the same as `len`, for those who look at every frame."""
        self._ended: deque[tuple[int, int, int, Pairing]] = deque()
        self._lates = 0
        """How many of them may still be answered late."""

    def __len__(self) -> int:
        return self.count

    def add(self, pending: Pending) -> bool:
        """Take a request in; False where `limit` are in flight already: it must not be sent."""
        if self.count >= self.limit:
            return False
        self.count += 1
        queue = self._flying.get(pending.tid)
        if queue is None:
            self._flying[pending.tid] = [pending]
        else:
            queue.append(pending)
        return True

    def match(self, frame: Frame) -> Match:
        """Return the request that this response ends, or what else the response is."""
        function = frame.pdu[0] & ~EXCEPTION_BIT
        queue = self._queue(frame.tid)
        for place, pending in enumerate(queue):
            if pending.function & ~EXCEPTION_BIT == function and (pending.unit == frame.unit or self._any_unit):
                self._end(queue, place, Pairing.DUPLICATE)
                return Match(Pairing.MATCHED, pending, None)
        return self._stray(frame, function, queue)

    def owes(self, tid: int, unit: int, function: int) -> bool:
        """Say whether a late answer with this key may still come: it would pair with a new request of the same key."""
        if not self._lates:
            return False
        return self._any_tid or (tid, unit, function, Pairing.LATE) in self._ended

    def knows(self, tid: int, unit: int, function: int) -> bool:
        """Say whether `tid` is in flight, or may still come back late: a new request must have another."""
        return tid in self._flying or self.owes(tid, unit, function)

    def answered(self, tid: int, unit: int, function: int) -> None:
        """Note a request that was sent and answered without being added: another answer to it is a duplicate."""
        self._remember((tid, unit, function, Pairing.DUPLICATE))

    def forget(self, number: int) -> None:
        """Let go of a request that no answer is due to."""
        for tid, queue in list(self._flying.items()):
            left = [pending for pending in queue if pending.number != number]
            self.count -= len(queue) - len(left)
            if left:
                self._flying[tid] = left
            else:
                del self._flying[tid]

    def expire(self, now: int) -> list[Pending]:
        """Return, oldest first, the requests whose deadline has come; they are no longer in flight."""
        over = [pending for queue in self._flying.values() for pending in queue if pending.deadline <= now]
        for pending in over:
            queue = self._flying[pending.tid]
            self._end(queue, queue.index(pending), Pairing.LATE)
        return sorted(over, key=_by_number)

    def drain(self) -> list[Pending]:
        """Return, oldest first, all requests in flight and forget everything: the link is gone."""
        left = sorted((pending for queue in self._flying.values() for pending in queue), key=_by_number)
        self._flying.clear()
        self._ended.clear()
        self.count = self._lates = 0
        return left

    def next_deadline(self) -> int | None:
        """Return the earliest deadline in flight."""
        return min((pending.deadline for queue in self._flying.values() for pending in queue), default=None)

    def _queue(self, tid: int) -> list[Pending]:
        if self._any_tid:
            return next(iter(self._flying.values()), [])
        return self._flying.get(tid, [])

    def _end(self, queue: list[Pending], place: int, then: Pairing) -> None:
        """Take a request out; `then` is what another answer to it will be."""
        pending = queue.pop(place)
        self.count -= 1
        if not queue:
            del self._flying[pending.tid]
        self._remember((pending.tid, pending.unit, pending.function, then))

    def _remember(self, ended: tuple[int, int, int, Pairing]) -> None:
        memory = self._ended
        if len(memory) >= MAX_ENDED:
            self._lates -= memory.popleft()[3] is Pairing.LATE
        memory.append(ended)
        self._lates += ended[3] is Pairing.LATE

    def _stray(self, frame: Frame, function: int, queue: list[Pending]) -> Match:
        """Name a response that answers nothing in flight."""
        what = f"transaction {frame.tid}, unit {frame.unit}, function {function}"
        pairing = self._memory_of(frame, function)
        if pairing is Pairing.LATE:
            return Match(pairing, None, defect("response-late", what))
        if queue:
            head = queue[0]
            self._end(queue, 0, Pairing.DUPLICATE)
            due = f"unit {head.unit}, function {head.function} was asked"
            return Match(Pairing.MISMATCH, head, defect("response-mismatch", f"{what}; {due}"))
        if pairing is Pairing.DUPLICATE:
            return Match(pairing, None, defect("response-duplicate", what))
        return Match(Pairing.UNSOLICITED, None, defect("response-unsolicited", what))

    def _memory_of(self, frame: Frame, function: int) -> Pairing | None:
        """Look an answer up among the ended transactions; a late one is answered from now on."""
        for place, (tid, unit, asked, then) in enumerate(self._ended):
            same_unit = unit == frame.unit or self._any_unit
            if (tid == frame.tid or self._any_tid) and same_unit and asked & ~EXCEPTION_BIT == function:
                if then is Pairing.LATE:
                    self._ended[place] = (tid, unit, asked, Pairing.DUPLICATE)
                    self._lates -= 1
                return then
        return None


def _by_number(pending: Pending) -> int:
    return pending.number
