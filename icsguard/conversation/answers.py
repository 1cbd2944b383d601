"""What comes back on links that clients share, and what does not: each answer to its asker, the rest on record.

Identifiers are our own, so what pairs with nothing is known for what it is: late and repeated answers are thrown away
and the link stays, everything else that is unexpected has it drained and closed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from icsguard.conversation import ending
from icsguard.conversation.limits import lawful
from icsguard.core.flow import Client
from icsguard.core.transaction import Outcome
from icsguard.protocols.modbus.correlate import Pairing
from icsguard.protocols.modbus.mbap import Frame, readdressed
from icsguard.protocols.modbus.pdu import parse_response

if TYPE_CHECKING:
    from collections.abc import Sequence

    from icsguard.conversation.guard import Guard
    from icsguard.conversation.lane import Lane, Rider
    from icsguard.conversation.units import Units
    from icsguard.core.defect import Defect

NOBODY: Final = Client("", 0, "")
"""Whose an answer is that nobody asked for."""
_KEEPS: Final = frozenset({Pairing.LATE, Pairing.DUPLICATE})
"""Stray answers that leave a link as it is."""


class Answers:
    """The way back from the device on the links of one conduit."""

    __slots__ = ("_guard", "_lanes", "_units")

    def __init__(self, guard: Guard, lanes: Sequence[Lane], units: Units) -> None:
        self._guard = guard
        self._lanes = lanes
        self._units = units

    def take(self, lane: Lane, frame: Frame, now: int) -> None:
        """Pair one frame with what was asked, and deliver it or say why not."""
        if frame.defect is not None:
            self._stray(frame.defect, frame.raw, now)
            lane.drain()
            return
        lane.heard(now)
        match = lane.correlator.match(frame)
        riders = lane.leave(match.pending.number) if match.pending is not None else []
        if match.defect is None:
            self._deliver(lane, riders, frame, now)
            return
        if riders:
            riders[0].exchange.fault(match.defect, frame.raw, now)
        else:
            self._stray(match.defect, frame.raw, now)
        self._fail(riders, match.defect, frame.raw, now)
        if match.pairing not in _KEEPS or not lane.trusts_tids:
            lane.drain()

    def _deliver(self, lane: Lane, riders: list[Rider], frame: Frame, now: int) -> None:
        request = riders[0].flight.request
        response = parse_response(lawful(request), frame.pdu, quirks=lane.quirks)
        self._units.answered(request.unit)
        defect = response.defect
        if defect is not None and not all(one.exchange.passes_anyway(one.flight, response, defect) for one in riders):
            riders[0].exchange.fault(defect, frame.raw, now)
            self._fail(riders, defect, frame.raw, now)
            lane.drain()
            return
        for rider in riders:
            flight, exchange = rider.flight, rider.exchange
            raw = readdressed(frame.raw, tid=int.from_bytes(flight.tid), unit=frame.unit)
            exchange.riding -= 1
            exchange.answered(flight, raw, response, now)

    def _fail(self, riders: list[Rider], defect: Defect, raw: bytes, now: int) -> None:
        for rider in riders:
            flight, exchange = rider.flight, rider.exchange
            flight.response, flight.response_at = raw, now
            exchange.riding -= 1
            exchange.no_answer(flight, defect.text, now)

    def broken(self, lane: Lane, defect: Defect, raw: bytes, now: int) -> None:
        """End all that is in flight on a link on which nothing more can be understood."""
        riders = self.all_off(lane)
        (riders[0].exchange.fault if riders else self._stray)(defect, raw, now)
        for rider in riders:
            flight, exchange = rider.flight, rider.exchange
            flight.response, flight.response_at = raw, now
            exchange.no_answer(flight, defect.text, now)

    def _stray(self, defect: Defect, raw: bytes, now: int) -> None:
        ending.device_fault(self._guard, NOBODY, 0, defect, raw, now)

    def time_out(self, lane: Lane, now: int) -> None:
        """End what the device has owed on a link for too long."""
        lane.promote()
        for pending in lane.correlator.expire(now):
            riders = lane.leave(pending.number)
            due, sent_at = riders[0].flight.answer_due, riders[0].flight.sent_at
            if due:
                self._units.timed_out(pending.unit, sent_at, others_out=self._out_to(pending.unit), now=now)
            for rider in riders:
                flight, exchange = rider.flight, rider.exchange
                exchange.riding -= 1
                if due:
                    exchange.no_answer(flight, "the device did not answer in time", now)
                else:
                    exchange.end(flight, Outcome.NO_ANSWER_DUE, now)
            if due and (lane.wire.pending or lane.fell_silent(sent_at, now)):  # half an answer would spoil the next
                lane.drain()

    def all_off(self, lane: Lane) -> list[Rider]:
        """Take everything in flight off a link."""
        lane.promote()
        riders = [rider for pending in lane.correlator.drain() for rider in lane.leave(pending.number)]
        for rider in riders:
            flight, exchange = rider.flight, rider.exchange
            exchange.riding -= 1
            self._units.ended(flight.request.unit, others_out=self._out_to(flight.request.unit))
        return riders

    def _out_to(self, unit: int) -> int:
        return sum(lane.out_to(unit) for lane in self._lanes)
