"""Wire events become transactions: framed per side, paired by transaction identifier, unit and function.

The same strict framing as in the gateway; what it can not read is counted and the next segment is tried, because a
capture may have lost the frame's beginning.
"""

from __future__ import annotations

from collections import Counter, deque
from typing import Final, NamedTuple

from icsguard.core.decision import Decision
from icsguard.core.meaning import CHANGES_THE_PLANT
from icsguard.core.transaction import Outcome, Transaction
from icsguard.learn.direction import Wire, looks_like_modbus
from icsguard.learn.reassembly import Endpoint
from icsguard.protocols.modbus.exceptions import EXCEPTION_BIT
from icsguard.protocols.modbus.mbap import Frame, Framer
from icsguard.protocols.modbus.meaning import answer_due, meaning
from icsguard.protocols.modbus.pdu import parse_request

MAX_PENDING: Final = 256
"""Requests of one connection that wait for their answer; beyond it the oldest counts as unanswered."""
_Key = tuple[int, int, int]


class _Waiting(NamedTuple):
    place: int
    """How many requests of the capture came before it."""
    frame: Frame
    wire: Wire


class _Flow:
    """One connection."""

    __slots__ = ("client", "device", "waiting")

    def __init__(self) -> None:
        self.client: Framer | None = None
        self.device: Framer | None = None
        self.waiting: deque[_Waiting] = deque()


class Pairing:
    """All connections of a capture. `numbered` puts the transactions in order when all are known."""

    def __init__(self, conduit: str, counts: Counter[str]) -> None:
        self._conduit = conduit
        self._counts = counts
        self._flows: dict[int, _Flow] = {}
        self.devices: Counter[Endpoint] = Counter()
        """Requests for each device's address and port."""

    def feed(self, wire: Wire) -> list[Transaction]:
        """Return the transactions that end with this event."""
        flow = self._flows.setdefault(wire.flow, _Flow())
        ended: list[Transaction] = []
        for frame in self._frames(flow, wire):
            if frame.defect is not None:
                self._counts["not_modbus"] += 1
                continue
            self._counts["adus"] += 1
            ended += self._asked(flow, frame, wire) if wire.from_client else self._answered(flow, frame, wire.at)
        return ended

    def rest(self) -> list[Transaction]:
        """Return what was never answered."""
        flows = list(self._flows.values())
        self._flows.clear()
        return [self._unanswered(waiting) for flow in flows for waiting in flow.waiting]

    def _frames(self, flow: _Flow, wire: Wire) -> list[Frame]:
        framer = flow.client if wire.from_client else flow.device
        if framer is None or wire.broken:
            if wire.data and not looks_like_modbus(wire.data):
                self._counts["skipped_bytes"] += len(wire.data)
                framer = None
            else:
                framer = Framer()
        frames: list[Frame] = [] if framer is None else framer.feed(wire.data)
        if framer is not None and framer.fatal is not None:
            self._counts["unreadable"] += 1
            framer = None
        if wire.from_client:
            flow.client = framer
        else:
            flow.device = framer
        return frames

    def _asked(self, flow: _Flow, frame: Frame, wire: Wire) -> list[Transaction]:
        self._counts["requests"] += 1
        self.devices[wire.device] += 1
        flow.waiting.append(_Waiting(self._counts["requests"], frame, wire))
        return [self._unanswered(flow.waiting.popleft())] if len(flow.waiting) > MAX_PENDING else []

    def _answered(self, flow: _Flow, frame: Frame, at: int) -> list[Transaction]:
        self._counts["responses"] += 1
        key = _key(frame)
        for place, waiting in enumerate(flow.waiting):
            if _key(waiting.frame) == key:
                del flow.waiting[place]
                outcome = Outcome.EXCEPTION if frame.pdu[0] & EXCEPTION_BIT else Outcome.ANSWERED
                return [self._transaction(waiting, at, frame.raw, outcome)]
        self._counts["unsolicited"] += 1
        return []

    def _unanswered(self, waiting: _Waiting) -> Transaction:
        request = parse_request(waiting.frame.unit, waiting.frame.pdu)
        if not answer_due(request, serial=False):
            return self._transaction(waiting, 0, b"", Outcome.NO_ANSWER_DUE)
        self._counts["unanswered"] += 1
        writes = meaning(request).intent in CHANGES_THE_PLANT
        return self._transaction(waiting, 0, b"", Outcome.UNKNOWN if writes else Outcome.TIMED_OUT)

    def _transaction(self, waiting: _Waiting, at: int, response: bytes, outcome: Outcome) -> Transaction:
        return Transaction(
            waiting.place,
            self._conduit,
            waiting.wire.flow,
            waiting.wire.client[0],
            waiting.wire.at,
            at,
            waiting.frame.raw,
            response,
            Decision.ALLOW,
            outcome,
        )


def numbered(transactions: list[Transaction]) -> tuple[Transaction, ...]:
    """Return transactions in the order of their requests, numbered from 1. The order does not depend on the answers."""
    ordered = sorted(transactions, key=lambda one: (one.request_at, one.number))
    return tuple(one._replace(number=number) for number, one in enumerate(ordered, 1))


def _key(frame: Frame) -> _Key:
    return frame.tid, frame.unit, frame.pdu[0] & ~EXCEPTION_BIT
