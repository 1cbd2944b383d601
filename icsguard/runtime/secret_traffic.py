"""Traffic that must not be written down: what reads or writes a point of kind `secret`.

The journal keeps whole frames. A transaction that touches a secret point is left out of it entirely: half a frame is of
no use for learning, and the value is what must not reach the disk. Which node an OPC UA message speaks of is known only
with its session (aliases, handles of subscriptions): a conduit of OPC UA with a secret point keeps no traffic at all.
"""

from __future__ import annotations

from collections.abc import Sequence

from icsguard.config.settings import Settings
from icsguard.core.ids import AddressRange
from icsguard.core.meaning import Table
from icsguard.core.point import Point, PointKind
from icsguard.core.transaction import Transaction
from icsguard.protocols.registry import PROTOCOLS


class SecretTraffic:
    """Knows the secret points of every conduit. A site without any pays nothing."""

    def __init__(self, settings: Settings) -> None:
        self._spans: dict[str, list[tuple[Table, AddressRange]]] = {}
        self._protocols = {conduit.name: conduit.protocol for conduit in settings.conduits}
        self._shut: set[str] = set()
        """Conduits of which nothing is kept."""
        for conduit in settings.conduits:
            secret = [_span(point) for point in conduit.policy.points if point.kind is PointKind.SECRET]
            if secret and conduit.protocol in PROTOCOLS:
                self._spans[conduit.name] = secret
            elif secret:
                self._shut.add(conduit.name)

    def left_in(self, transactions: Sequence[Transaction]) -> Sequence[Transaction]:
        """Return the transactions that touch no secret point, whatever unit they name."""
        if not (self._spans or self._shut):
            return transactions
        return [one for one in transactions if not self._touches(one)]

    def _touches(self, one: Transaction) -> bool:
        spans = self._spans.get(one.conduit)
        if spans is None:
            return one.conduit in self._shut
        accesses = PROTOCOLS[self._protocols[one.conduit]].meaning(one.request).accesses
        return any(table is access.table and span.overlaps(access.span) for access in accesses for table, span in spans)


def _span(point: Point) -> tuple[Table, AddressRange]:
    return point.table, AddressRange.of(point.address, point.words)
