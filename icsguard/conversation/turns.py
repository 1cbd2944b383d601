"""The client's half of a conversation: each request waits for its turn, is judged, and goes or is refused.

A request is judged when its turn comes, not when it arrives: what was written before it counts. Who must wait for whom
says `order`; what is decided says `judging`; where allowed requests go says `exchange`.
"""

from __future__ import annotations

from typing import Final

from icsguard.conversation import asking, ending, judging
from icsguard.conversation.api import Ask
from icsguard.conversation.course import weightiest
from icsguard.conversation.exchange import Exchange
from icsguard.conversation.flight import Flight
from icsguard.conversation.hot import VerdictCache
from icsguard.conversation.order import must_wait
from icsguard.conversation.states import Stage
from icsguard.core.decision import Decision, Layer
from icsguard.core.transaction import Opinion, Outcome, Question
from icsguard.core.verdict import Reason
from icsguard.policy.techniques import FLOOD
from icsguard.protocols.modbus.exceptions import BUSY

MAX_WAITING: Final = 64
"""Requests of one session that wait for their turn, besides those in flight. The next one is answered busy (0x06)."""
_FOLLOWED: Final = frozenset({Stage.WAITING, Stage.ASKED, Stage.READY})


class Turns(asking.Asking[Flight]):
    """The requests of one session that the device does not have yet."""

    __slots__ = ("_cache", "_exchange", "refused", "waiting", "writes")

    def __init__(self, exchange: Exchange, cache: VerdictCache) -> None:
        super().__init__(exchange.guard)
        self.waiting: list[Flight] = []
        """In order of arrival; at most MAX_WAITING, and reads that are tried once more."""
        self.refused = 0
        self.writes = 0
        self._exchange = exchange
        self._cache = cache

    def take(self, flight: Flight, now: int) -> None:
        """Take a new request in."""
        self.writes += flight.changes
        if len(self.waiting) >= MAX_WAITING or self._exchange.is_crowded:
            whose = "this connection" if len(self.waiting) >= MAX_WAITING else "all clients"
            text = f"too many requests of {whose} wait already"
            reason = Reason(Layer.RESOURCES, "too-many-waiting", text, Decision.REFUSE, technique=FLOOD, reply=BUSY)
            flight.note(reason)
            flight.decision = Decision.REFUSE
            self._exchange.end(flight, Outcome.REFUSED, now, reply=BUSY)
            return
        self.waiting.append(flight)
        self.advance(now)

    def advance(self, now: int) -> None:
        """Give each waiting request its turn, in order; what must keep its place keeps it."""
        earlier: list[Flight] = []
        for flight in self.waiting:
            if not earlier or not must_wait(flight, earlier):
                if flight.stage is Stage.WAITING and flight.known_until > now:
                    flight.move(Stage.READY)
                elif flight.stage is Stage.WAITING:
                    judging.judge(self._guard, self._exchange.client, flight, now)
                    self._act(flight, now)
                if flight.stage is Stage.READY:
                    self._go(flight, now)
            if flight.stage in _FOLLOWED:
                earlier.append(flight)
        self.waiting = earlier

    def _go(self, flight: Flight, now: int) -> None:
        """Send it; a write that waited is judged once more, by the policy and the values of this moment."""
        guard, client = self._guard, self._exchange.client
        ready = self._exchange.accepts(flight, now)
        if ready and judging.is_outdated(guard, flight) and not judging.holds_still(guard, client, flight, now):
            self._refuse(flight, now)
        else:
            self._exchange.send(flight, now)

    def _act(self, flight: Flight, now: int) -> None:
        """Carry out the decision on a request that waits or was asked about."""
        guard, client = self._guard, self._exchange.client
        if flight.decision is Decision.ISOLATE:
            guard.quarantine.wish(asking.isolation_wish(guard, client, flight), now)
        if flight.decision >= Decision.HOLD:
            self._refuse(flight, now)
        elif flight.stage is Stage.WAITING and judging.wants_opinion(guard, flight):
            self._ask_first(flight, now)
        else:
            flight.move(Stage.READY)
            read = judging.cached_read(guard, flight, now)
            if read is not None:
                self._cache.put(flight.raw, read)

    def _refuse(self, flight: Flight, now: int) -> None:
        if flight.attempts:
            self._exchange.no_answer(flight, "it may not be tried once more", now)
            return
        self.refused += 1
        reply = BUSY if flight.decision is Decision.HOLD else flight.reply or judging.ILLEGAL_VALUE
        self._exchange.end(flight, Outcome.REFUSED, now, reply=reply)
        if flight.changes or flight.request.defect is not None:
            reason = weightiest(flight.reasons).text if flight.reasons else ""
            self._guard.quarantine.grave_event(self._exchange.client.address, reason, now)

    # The shadow.

    def _ask_first(self, flight: Flight, now: int) -> None:
        self._ask(flight, now, waits=self._guard.acts and not judging.is_safety(self._guard, flight))
        if flight.stage is Stage.ASKED:
            return
        if flight.decision >= Decision.REFUSE:
            self._refuse(flight, now)
        else:
            flight.move(Stage.READY)

    def _question(self, flight: Flight, now: int) -> Question:
        exchange = self._exchange
        return Question(flight.number, self._guard.name, exchange.flow, exchange.client.address, now, flight.raw)

    def _send(self, command: Ask) -> None:
        self._exchange.commands.append(command)

    def _take_opinion(self, flight: Flight, opinion: Opinion, now: int) -> None:
        judging.take_opinion(self._guard, self._exchange.client, flight, opinion, now)

    def _fail_over(self, flight: Flight, why: str) -> None:
        asking.fail_over(self._guard, flight, why, BUSY)

    def _decided(self, flight: Flight, now: int) -> None:
        self._act(flight, now)

    def _record(self, flight: Flight, now: int) -> None:
        ending.write_record(self._guard, self._exchange.client, self._exchange.flow, flight, now)

    # Time and ends.

    def time_out(self, now: int) -> None:
        """End what waited too long, then decide without the shadow where its time is over."""
        for flight in [one for one in self.waiting if one.expires <= now]:
            self._expire(flight, now)
        self._miss_overdue(now)
        self.waiting = [one for one in self.waiting if one.stage in _FOLLOWED]

    def _expire(self, flight: Flight, now: int) -> None:
        """It waited longer than any client does: it is not sent any more."""
        exchange = self._exchange
        if exchange.expire(flight, now):
            return
        text = "it waited too long for its turn"
        if flight.attempts:
            exchange.no_answer(flight, text, now)
            return
        flight.note(Reason(Layer.RESOURCES, "waited-too-long", text, Decision.REFUSE, reply=BUSY))
        flight.decision = Decision.REFUSE
        exchange.end(flight, Outcome.REFUSED, now, reply=BUSY)

    def link_failed(self, why: str, now: int) -> None:
        """There is no way to the device: tell those that would have gone."""
        for flight in self.waiting:
            if flight.stage is Stage.READY:
                self._exchange.unreachable(flight, why, now)

    def abandon(self, now: int) -> None:
        """The client left: nothing goes to the device any more, and nobody waits for an opinion."""
        for flight in self.waiting:
            self._exchange.end(flight, Outcome.ABANDONED, now)
        self.waiting = []
        self.forget(now)

    def next_timer(self) -> list[int]:
        """Return the moments at which something is due."""
        return [flight.judge_until for flight in self.asked.values()] + [flight.expires for flight in self.waiting]
