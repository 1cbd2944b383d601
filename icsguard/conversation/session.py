"""One client connection with a device link of its own: events in, commands out.

`request_passes` and `response_passes` are the hot path: where they say yes, the same bytes go on and nothing else is to
be done. Whether the hot path was tried changes nothing but the cost.
"""

from __future__ import annotations

from icsguard.conversation.api import Command
from icsguard.conversation.dialogue import Dialogue
from icsguard.conversation.exchange import LIVE
from icsguard.conversation.guard import Guard
from icsguard.conversation.hot import refresh
from icsguard.conversation.link import OwnLink
from icsguard.conversation.own import OwnExchange
from icsguard.conversation.states import LinkState
from icsguard.core.flow import Client


class Session(Dialogue):
    """One client connection on its own link. `is_over` says when the shell may forget it."""

    def __init__(self, guard: Guard, client: Client, flow: int, now: int) -> None:
        self._own = OwnExchange(guard, client, flow)
        super().__init__(guard, self._own, now)

    @property
    def link(self) -> OwnLink:
        """Its way to the device."""
        return self._own.link

    # The hot path.

    def request_passes(self, data: bytes, now: int) -> bool:
        """Say whether `data` is one allowed read that goes to the device as it is; then it counts as handed over."""
        if not self._is_hot:
            return False
        read = self._cache.reads.get(data[2:])
        if read is None or read.until <= now:
            return False
        tid = data[:2]
        link = self._own.link
        if tid in link.hot or tid in link.busy or link.room <= 0:
            return False
        run = self.guard.run
        run.transactions += 1
        link.hot[tid] = (read, data, now, run.transactions)
        self.requests += 1
        self.last_at = now
        return True

    def response_passes(self, data: bytes, now: int) -> bool:
        """Say whether `data` is the good answer to a request on the hot path; then it goes to the client as it is."""
        tid = data[:2]
        link = self._own.link
        flight = link.hot.get(tid)
        if flight is None or not self._is_hot:
            return False
        read, request, at, number = flight
        if len(data) != read.length or data[2:9] != read.head or data[-1] & read.padding or not link.is_clean:
            return False
        del link.hot[tid]
        link.answered(tid)
        guard = self.guard
        if read.watched:
            refresh(guard, read, data, now)
        address = self._own.client.address
        guard.run.mirror.append((number, guard.name, self.flow, address, at, now, request, data, 0, 0))
        guard.counters.hot += 1
        return True

    # What the device link does.

    def link_up(self, now: int) -> list[Command]:
        """The connection to the device stands."""
        if self.link.state is LinkState.OPENING:
            self.link.move(LinkState.UP)
            self.guard.pacing.succeeded()
        return self._done(now)

    def link_failed(self, why: str, now: int) -> list[Command]:
        """The device could not be reached: whoever waits for it is told so."""
        if self.link.state is not LinkState.OPENING:
            return []
        self.link.move(LinkState.DOWN)
        self.guard.pacing.failed(now)
        self._turns.link_failed(why, now)
        return self._done(now)

    def link_bytes(self, data: bytes, now: int) -> list[Command]:
        """Take what the device sent; what comes from a link that is closed already is nobody's."""
        if self.link.state not in LIVE:
            return []
        self._own.arrived(data, now)
        return self._done(now)

    def link_lost(self, why: str, now: int) -> list[Command]:
        """The device connection broke: reads may be tried once more, writes have an unknown outcome."""
        if self.link.state not in LIVE:
            return []
        self._turns.waiting = self._own.lost(why, now) + self._turns.waiting
        return self._done(now)

    # Inside.

    def _time_out_link(self, now: int) -> None:
        self._own.time_out(now)

    def _may_be_hot(self) -> bool:
        return self.link.state is LinkState.UP
