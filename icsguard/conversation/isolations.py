"""Who is cut off from a conduit, how far and until when; and when the gateway does so by itself.

An isolation always ends: by its timer, or by a human, unless a human made it permanent. By itself the gateway goes in
two steps, writes first, and never touches those whom the settings protect.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable
from typing import Final

from icsguard.core.clock import MINUTE
from icsguard.core.isolation import Isolation, Scope

MAX_ISOLATIONS: Final = 256
"""Isolations in force on one conduit. When full, the one that would end first makes room."""
MAX_WATCHED: Final = 256
"""Client addresses whose grave events are counted; the one that was quiet longest is forgotten."""
WINDOW_NS: Final = MINUTE
"""Grave events older than this no longer count."""


class Isolations:
    """The isolations of one conduit, by client address."""

    __slots__ = ("_by_client",)

    def __init__(self, isolations: Iterable[Isolation] = ()) -> None:
        self._by_client = {isolation.client: isolation for isolation in isolations}

    def __bool__(self) -> bool:
        return bool(self._by_client)

    def all(self) -> list[Isolation]:
        """Return those in force."""
        return list(self._by_client.values())

    def get(self, client: str) -> Isolation | None:
        """Return the isolation of a client."""
        return self._by_client.get(client)

    def put(self, isolation: Isolation) -> None:
        """Isolate; an isolation of the same client is replaced."""
        if isolation.client not in self._by_client and len(self._by_client) >= MAX_ISOLATIONS:
            soonest = min(self._by_client.values(), key=lambda one: one.until or float("inf"))
            del self._by_client[soonest.client]
        self._by_client[isolation.client] = isolation

    def release(self, client: str) -> Isolation | None:
        """End an isolation and return it; None where there is none."""
        return self._by_client.pop(client, None)

    def expire(self, now: int) -> list[Isolation]:
        """Take out and return those whose time is over."""
        over = [one for one in self._by_client.values() if one.until and one.until <= now]
        for one in over:
            del self._by_client[one.client]
        return over


class GraveEvents:
    """Counts each client's grave events (refused writes, malformed frames) over the last minute."""

    __slots__ = ("_seen", "threshold")

    def __init__(self, threshold: int) -> None:
        self.threshold = max(1, threshold)
        self._seen: OrderedDict[str, deque[int]] = OrderedDict()

    def reached(self, client: str, now: int) -> bool:
        """Count one more; True when the threshold is reached, and then counting begins anew."""
        times = self._seen.setdefault(client, deque(maxlen=self.threshold))
        self._seen.move_to_end(client)
        if len(self._seen) > MAX_WATCHED:
            self._seen.popitem(last=False)
        times.append(now)
        if len(times) < self.threshold or times[0] <= now - WINDOW_NS:
            return False
        times.clear()
        return True


def next_scope(present: Isolation | None) -> Scope:
    """Return how far an automatic isolation goes: writes first, everything if that did not calm the client."""
    return Scope.WRITES if present is None else Scope.FULL
