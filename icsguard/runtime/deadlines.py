"""A conduit's time: one timer that wakes sessions at their deadlines, and never looks at many of them in one go.

Questions to the shadow have the nearest deadlines and are looked at first. All sessions are looked at four times a
second, a few in each turn of the loop: a thousand clients at once would stop the traffic for milliseconds. A deadline
that comes before the next such look is kept until it is due.
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING, Final

from icsguard.core.clock import MS

if TYPE_CHECKING:
    import asyncio

    from icsguard.runtime.listener import Listener
    from icsguard.runtime.modbus_shell import ClientEnd

MAX_TICK_NS: Final = 250 * MS
"""The timer's longest pause; half the device's timeout where that is shorter, so no deadline is seen late."""
MIN_TICK_NS: Final = MS
LATE_NS: Final = 50 * MS
"""A timer that comes so late had no processor: what lies in the sockets since is heard first."""
HEARING: Final = 10
"""Turns of the loop in which it is heard then, before what is overdue is ended: a new link takes some of them."""
AT_ONCE: Final = 16
"""Sessions looked at in one turn of the loop: a tenth of a millisecond."""
ENDED_AT_ONCE: Final = 4
"""Sessions that are ended at their deadline in one turn: an end with its answers and records costs up to 0.1 ms."""
PAUSE_S: Final = 0.001
"""Between two such turns: a thousand sessions are through in 64 ms."""


class Deadlines:
    """The timer of one listener."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._loop = listener.loop
        self._now = listener.clock.now
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0
        self._heard = HEARING
        self._unseen: list[ClientEnd] = []
        """Whom this round has not looked at yet."""
        self._turn: asyncio.TimerHandle | None = None
        self._turn_due = self._round_due = 0
        self._soon: list[tuple[int, int]] = []
        """(when, flow) before the next round, a heap; at most one for each look at each session in a round."""

    def start(self) -> None:
        """Begin to keep time."""
        self._tick()

    def stop(self) -> None:
        """Keep time no more."""
        for timer in (self._timer, self._turn):
            if timer is not None:
                timer.cancel()
        self._timer = self._turn = None

    def arm(self, due: int) -> None:
        """Look at questions, the pool and what is noted at `due` at the latest; 0 for never."""
        if due and due < self._due and self._timer is not None:
            self._timer.cancel()
            self._schedule(due)

    def _schedule(self, due: int) -> None:
        self._due = due
        self._timer = self._loop.call_later(max(due - self._now(), MIN_TICK_NS) / 1e9, self._tick)

    def _tick(self) -> None:
        listener, now = self._listener, self._now()
        if now > self._due + LATE_NS and self._heard < HEARING:
            self._heard += 1
            self._timer = self._loop.call_later(0, self._tick)
            return
        self._heard = 0
        begins = now >= self._round_due and not self._unseen
        soonest = self._longest() if begins else max(min(self._round_due - now, self._longest()), MIN_TICK_NS)
        self._schedule(now + soonest)  # a tick for a single deadline must not put the round off
        self._look_at_asked(now)
        self._look_at_noted(now)
        if listener.pool is not None:
            listener.pool.timer(now)
        if begins:
            self._begin_round(now)
        if listener.guard.wakeups:
            listener.wake()
        if listener.guard.run.records:
            listener.outlet.note()

    def _longest(self) -> int:
        return max(min(MAX_TICK_NS, self._listener.conduit.device_timeout_ms * MS // 2), MIN_TICK_NS)

    def _look_at_asked(self, now: int) -> None:
        """Look at whoever waits for the shadow; questions have one deadline, so the oldest is the first that is due."""
        asked = self._listener.asked
        for number, end in list(asked.items()):
            session = end.session
            if session is None or not session.asks(number):
                del asked[number]
                continue
            if session.next_timer() <= now:
                end.run(session.timer(now))
            if session.asks(number):
                self.arm(session.next_timer())
                return
            asked.pop(number, None)

    def _look_at_noted(self, now: int) -> None:
        flows: list[int] = []
        while self._soon and self._soon[0][0] <= now and len(flows) < ENDED_AT_ONCE:
            flows.append(heappop(self._soon)[1])
        if self._soon:
            self.arm(self._soon[0][0])
        for flow in flows:
            end = self._listener.ends.get(flow)
            if end is not None:
                self._look(end, now)

    def _begin_round(self, now: int) -> None:
        """Look at everybody, a few at a time; the conduit as a whole comes with them."""
        self._listener.guard.timer(now)
        self._round_due = now + self._longest()
        self._unseen = list(self._listener.ends.values())
        self._turn_due = now
        self._look_at_some()

    def _look_at_some(self) -> None:
        now = self._now()
        if now > self._turn_due + LATE_NS:  # no processor meanwhile: the timer is late, too, and lets the sockets speak
            self._unseen.clear()
            self._round_due = now
            return
        looks = ended = 0
        try:
            while self._unseen and looks < AT_ONCE and ended < ENDED_AT_ONCE:
                looks += 1
                ended += self._look(self._unseen.pop(), now)
        finally:  # a session that fails keeps nobody from being looked at
            if self._unseen:
                self._turn_due = now + int(PAUSE_S * 1e9)
                self._turn = self._loop.call_later(PAUSE_S, self._look_at_some)

    def _look(self, end: ClientEnd, now: int) -> bool:
        """Say whether something was due."""
        session = end.session
        if session is None:
            return False
        due = session.next_timer()
        is_due = 0 < due <= now
        if is_due:
            end.run(session.timer(now))
            due = session.next_timer()
        if due and due < self._round_due:
            heappush(self._soon, (due, session.flow))
            self.arm(due)
        return is_due
