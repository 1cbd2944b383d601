"""The flows of one conduit in windows: collected as transactions come, scored when a window is over."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final, NamedTuple

from icsguard.core.clock import SECOND
from icsguard.core.finding import Contribution
from icsguard.core.transaction import Transaction
from icsguard.detect.flow_features import LEAST, FlowWindow, features
from icsguard.detect.flow_model import FlowModel, contributions
from icsguard.twin.site_model import SiteModel

MAX_FLOWS: Final = 256  # clients with an open window; the one opened first is dropped, and counted
MAX_CLOSED: Final = 64  # windows that wait for their score; more are shed, and counted


class Closed(NamedTuple):
    """A finished window."""

    client: str
    flow: int
    until: int
    window: FlowWindow


class Scored(NamedTuple):
    """A finished window with its score."""

    client: str
    flow: int
    at: int
    score: float
    contributions: tuple[Contribution, ...]


class FlowWatch:
    """Windows of `window_ns` per client, scored against what the site's own windows were."""

    def __init__(self, window_ns: int, model: FlowModel | None, site: SiteModel | None) -> None:
        self._window_ns, self._model = window_ns, model
        self._known = frozenset(site.symbols) if site else frozenset()
        self._scale = site.flow_feature_scale if site else ()
        self._open: OrderedDict[str, FlowWindow] = OrderedDict()
        self._flows: dict[str, int] = {}
        self._closed: list[Closed] = []
        self.shed = 0

    def take(self, transaction: Transaction, now: int) -> None:
        """Take one more transaction."""
        window = self._open.get(transaction.client)
        if window is not None and now - window.since >= self._window_ns:
            self._close(transaction.client, window.since + self._window_ns)
            window = None
        if window is None:
            if len(self._open) >= MAX_FLOWS:
                self._flows.pop(self._open.popitem(last=False)[0], None)
                self.shed += 1
            window = self._open[transaction.client] = FlowWindow(now)
        self._flows[transaction.client] = transaction.flow
        window.add(transaction)

    def due(self, now: int) -> list[Closed]:
        """Return the windows that are over, and forget them."""
        over = [client for client, window in self._open.items() if now - window.since >= self._window_ns]
        for client in over:
            self._close(client, self._open[client].since + self._window_ns)
        closed, self._closed = self._closed, []
        return closed

    def score(self, closed: Closed) -> Scored | None:
        """Return the window's score; None without a model."""
        if self._model is None:
            return None
        numbers = features(closed.window, closed.until, self._known)
        score, errors = self._model.score(numbers, self._scale)
        return Scored(closed.client, closed.flow, closed.until, score, contributions(numbers, errors, self._model))

    def _close(self, client: str, until: int) -> None:
        window = self._open.pop(client)
        flow = self._flows.pop(client, 0)
        if len(window.items) < LEAST:
            return
        if len(self._closed) >= MAX_CLOSED:
            self.shed += 1
            return
        self._closed.append(Closed(client, flow, until, window))


def window_ns(seconds: float) -> int:
    """Return the length of a window."""
    return max(int(seconds * SECOND), SECOND // 10)
