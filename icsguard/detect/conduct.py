"""How clients behave: refused again and again, searching, flooding. Counters with bounds, no statistics.

What is found may ask for an isolation: writes only first, all of it when the client goes on. The gateway decides by
its own bounds whether it does so.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from icsguard.core.clock import SECOND
from icsguard.core.decision import Decision
from icsguard.core.isolation import Scope
from icsguard.core.transaction import Outcome, Transaction
from icsguard.detect.flow_features import symbol

MAX_CLIENTS: Final = 512  # clients followed; the one that was quiet longest is forgotten
MAX_TIMES: Final = 1_024  # moments kept per client and counter; a flood fills it and is a flood by then
REFUSAL_WINDOW_NS: Final = 60 * SECOND
SCAN_WINDOW_NS: Final = 10 * SECOND
SCAN_LEAST: Final = 16
"""So many different requests that failed within the window are a search."""
FLOOD_WINDOW_NS: Final = 2 * SECOND
FLOOD_LEAST: Final = 200.0
"""Transactions a second below which nothing is a flood, whatever was learnt."""
FLOOD_FACTOR: Final = 4.0
QUIET_NS: Final = 30 * SECOND
"""The same conduct of the same client is told once in this time."""


class Conduct(NamedTuple):
    """What a client does."""

    code: str
    """`refused-often`, `scan` or `flood`."""
    client: str
    flow: int
    number: float
    limit: float
    text: str
    scope: Scope
    since: int


@dataclass(slots=True)
class _Client:
    refused: deque[int] = field(default_factory=lambda: deque(maxlen=MAX_TIMES))
    failed: OrderedDict[int, int] = field(default_factory=OrderedDict)
    """Different failed requests with their last moment."""
    times: deque[int] = field(default_factory=lambda: deque(maxlen=MAX_TIMES * 4))
    told: dict[str, int] = field(default_factory=dict)
    strikes: dict[str, int] = field(default_factory=dict)


class ConductWatch:
    """The clients of one conduit."""

    def __init__(self, threshold: int, peak_rate: float = 0.0) -> None:
        self._threshold = max(threshold, 1)
        self._flood = max(FLOOD_LEAST, FLOOD_FACTOR * peak_rate)
        self._clients: OrderedDict[str, _Client] = OrderedDict()

    def take(self, transaction: Transaction, now: int) -> list[Conduct]:
        """Take one finished transaction; return what it completes."""
        client = self._client(transaction.client)
        found = self._flooding(client, transaction, now)
        refused = transaction.outcome == Outcome.REFUSED and transaction.decision >= Decision.REFUSE
        if refused:
            found += self._refusals(client, transaction, now)
        if refused or transaction.outcome == Outcome.EXCEPTION:
            found += self._search(client, transaction, now)
        return found

    def _client(self, address: str) -> _Client:
        known = self._clients.get(address)
        if known is None:
            if len(self._clients) >= MAX_CLIENTS:
                self._clients.popitem(last=False)
            known = self._clients[address] = _Client()
        self._clients.move_to_end(address)
        return known

    def _refusals(self, client: _Client, transaction: Transaction, now: int) -> list[Conduct]:
        client.refused.append(now)
        while client.refused[0] < now - REFUSAL_WINDOW_NS:
            client.refused.popleft()
        count = len(client.refused)
        if count < self._threshold:
            return []
        text = f"{count} requests refused within a minute"
        return self._tell(client, transaction, "refused-often", count, self._threshold, text, now)

    def _search(self, client: _Client, transaction: Transaction, now: int) -> list[Conduct]:
        client.failed[symbol(transaction.request)] = now
        client.failed.move_to_end(symbol(transaction.request))
        while next(iter(client.failed.values())) < now - SCAN_WINDOW_NS or len(client.failed) > MAX_TIMES:
            client.failed.popitem(last=False)
        count = len(client.failed)
        if count < SCAN_LEAST:
            return []
        text = f"{count} different requests failed within {SCAN_WINDOW_NS // SECOND} s: it searches the device"
        return self._tell(client, transaction, "scan", count, SCAN_LEAST, text, now)

    def _flooding(self, client: _Client, transaction: Transaction, now: int) -> list[Conduct]:
        client.times.append(now)
        while client.times[0] < now - FLOOD_WINDOW_NS:
            client.times.popleft()
        rate = len(client.times) * SECOND / FLOOD_WINDOW_NS
        if rate < self._flood:
            return []
        text = f"{rate:.0f} requests a second, {self._flood:.0f} are bearable"
        return self._tell(client, transaction, "flood", rate, self._flood, text, now)

    def _tell(
        self, client: _Client, transaction: Transaction, code: str, count: float, limit: float, text: str, now: int
    ) -> list[Conduct]:
        told = client.told.get(code)
        if told is not None and now - told < (QUIET_NS if client.strikes.get(code, 0) > 1 else QUIET_NS // 3):
            return []
        client.told[code] = now
        strikes = client.strikes[code] = client.strikes.get(code, 0) + 1
        scope = Scope.WRITES if strikes == 1 else Scope.FULL
        return [Conduct(code, transaction.client, transaction.flow, count, limit, text, scope, now)]
