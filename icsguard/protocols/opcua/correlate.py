"""Pairs responses with the requests in flight on one channel: by RequestId and service (P6 §6.7.2.4, P4 §5.3).

Responses come in any order. A Publish waits at the server until there is something to tell, so it has no deadline, but
its own bound. What pairs with nothing has one of four names, because each is a different fault of the device.
"""

from __future__ import annotations

from collections import deque
from enum import IntEnum
from typing import Final, NamedTuple

from icsguard.core.defect import Defect
from icsguard.protocols.opcua.defects import defect
from icsguard.protocols.opcua.services import SERVICE_FAULT, Request, Response

MAX_IN_FLIGHT: Final = (
    256  # requests on one channel without Publish; stacks send some ten, and no server has more workers
)
MAX_PUBLISH: Final = 64  # Publish requests that wait; clients keep two or three a subscription
MAX_ENDED: Final = 4 * MAX_IN_FLIGHT  # remembered to tell late and duplicate answers from unsolicited ones; oldest goes
PUBLISH: Final = 826


class Pending(NamedTuple):
    """A request that was handed to the device and has no answer yet."""

    number: int
    """The transaction's number."""
    id: int
    """RequestId on the channel."""
    deadline: int
    """The `now` at which it ends without an answer; of a Publish it does not count."""
    request: Request

    @property
    def waits(self) -> bool:
        """Say whether it is a Publish."""
        return self.request.number == PUBLISH


class Pairing(IntEnum):
    """What a response turned out to be."""

    MATCHED = 0
    LATE = 1
    """Its request had ended by timeout."""
    DUPLICATE = 2
    """Its request had been answered."""
    MISMATCH = 3
    """The RequestId is in flight for another service: that request ends here, its outcome unknown."""
    UNSOLICITED = 4
    """Nobody asked."""


class Match(NamedTuple):
    """A response's partner, or why it has none."""

    pairing: Pairing
    pending: Pending | None
    """The request that ends with this response (MATCHED, MISMATCH)."""
    defect: Defect | None
    """Set unless MATCHED."""
    remark: Defect | None = None
    """A RequestHandle that is not the request's: worth an alert only."""


class Correlator:
    """The requests in flight on one channel; each leaves it exactly once."""

    __slots__ = ("_ended", "_flying", "_publishing")

    def __init__(self) -> None:
        self._flying: dict[int, Pending] = {}
        self._publishing = 0
        self._ended: deque[tuple[int, Pairing]] = deque(maxlen=MAX_ENDED)

    def __len__(self) -> int:
        return len(self._flying)

    def add(self, pending: Pending) -> Defect | None:
        """Take a request in, or return why it must not be sent."""
        if pending.id in self._flying:
            return defect("request-repeated", f"request {pending.id}")
        if pending.waits:
            if self._publishing >= MAX_PUBLISH:
                return defect("publish-overflow", f"{MAX_PUBLISH} Publish requests wait")
            self._publishing += 1
        elif len(self._flying) - self._publishing >= MAX_IN_FLIGHT:
            return defect("request-overflow", f"{MAX_IN_FLIGHT} requests are in flight")
        self._flying[pending.id] = pending
        return None

    @property
    def publishing(self) -> int:
        """How many Publish requests wait at the device."""
        return self._publishing

    def forget(self, pending: Pending) -> None:
        """Take back a request that could not be handed over after all."""
        if self._flying.pop(pending.id, None) is not None:
            self._publishing -= pending.waits

    def abandon(self, number: int) -> None:
        """End a request on whose answer nobody waits any more; one that comes all the same is late."""
        pending = self._flying.get(number)
        if pending is not None:
            self._end(pending, Pairing.LATE)

    def match(self, number: int, response: Response) -> Match:
        """Return the request that this response (with RequestId `number`) ends, or what else the response is."""
        pending = self._flying.get(number)
        if pending is None:
            return self._stray(number)
        self._end(pending, Pairing.DUPLICATE)
        if response.number not in {pending.request.number, SERVICE_FAULT}:
            found = f"an answer to service {response.number}, {pending.request.name} was asked"
            return Match(Pairing.MISMATCH, pending, defect("response-service", found))
        asked, echoed = pending.request.header.handle, response.header.handle
        remark = None if asked == echoed else defect("response-handle", f"handle {echoed} instead of {asked}")
        return Match(Pairing.MATCHED, pending, None, remark)

    def expire(self, now: int) -> list[Pending]:
        """Return, oldest first, the requests whose deadline has come; they are no longer in flight."""
        over = [pending for pending in self._flying.values() if pending.deadline <= now and not pending.waits]
        for pending in over:
            self._end(pending, Pairing.LATE)
        return sorted(over, key=_by_number)

    def drain(self) -> list[Pending]:
        """Return, oldest first, all requests in flight and forget everything: the channel is gone."""
        left = sorted(self._flying.values(), key=_by_number)
        self._flying.clear()
        self._ended.clear()
        self._publishing = 0
        return left

    def next_deadline(self) -> int | None:
        """Return the earliest deadline in flight."""
        return min((pending.deadline for pending in self._flying.values() if not pending.waits), default=None)

    def _end(self, pending: Pending, then: Pairing) -> None:
        """Take a request out; `then` is what another answer to it will be."""
        del self._flying[pending.id]
        self._publishing -= pending.waits
        self._ended.append((pending.id, then))

    def _stray(self, number: int) -> Match:
        """Name a response that answers nothing in flight; a late one is answered from now on."""
        for place in range(len(self._ended) - 1, -1, -1):
            ended, then = self._ended[place]
            if ended != number:
                continue
            self._ended[place] = (ended, Pairing.DUPLICATE)
            code = "response-late" if then is Pairing.LATE else "response-duplicate"
            return Match(then, None, defect(code, f"request {number}"))
        return Match(Pairing.UNSOLICITED, None, defect("response-unsolicited", f"request {number}"))


def _by_number(pending: Pending) -> int:
    return pending.number
