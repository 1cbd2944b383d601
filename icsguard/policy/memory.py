"""What one conduit must remember so that policy can judge: present values, recent steps, rates, used grants.

Mutable and bounded by what the policy declares; the only state beside the immutable `Judge`. The conversation tells it
what devices said (`seen`), what was handed over (`Judge.delivered`) and what became of it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from icsguard.core.clock import SECOND
from icsguard.core.ids import AddressRange
from icsguard.core.meaning import Table
from icsguard.policy.history import History
from icsguard.policy.law import PointLaw
from icsguard.policy.rules import Rate

MAX_BUCKETS: Final = 4096  # rule and client pairs with a rate; when full, idle ones go, and without an idle one: refuse
SETTLE_NS: Final = 2 * SECOND
"""A read this much later than a write shows what the write did; an earlier one may be older than the write."""


class Cell(NamedTuple):
    """One remembered element. A write that no answer confirmed yet leaves two possible values."""

    value: int
    at: int
    """0: unknown."""
    pending: int = -1
    """Value of a write on its way; -1 for none."""
    pending_at: int = 0


UNKNOWN: Final = Cell(0, 0)


class Layout:
    """Which elements are worth remembering, and under which unit: made by the `Judge` from its points."""

    __slots__ = ("addresses", "same_unit")

    def __init__(self, laws: Iterable[tuple[int, PointLaw]] = (), same_unit: dict[int, int] | None = None) -> None:
        wanted: dict[tuple[int, Table], set[int]] = {}
        for unit, law in laws:
            addresses = wanted.setdefault((unit, law.point.table), set())
            addresses.update(range(law.span.first, law.span.last + 1))
        self.addresses = {key: sorted(found) for key, found in wanted.items()}
        self.same_unit = same_unit or {}


class Memory:
    """The memory of one conduit."""

    __slots__ = ("_buckets", "_cells", "_histories", "_layout", "_uses", "version", "wall_shift")

    def __init__(self, layout: Layout | None = None) -> None:
        self.wall_shift = 0
        """Wall minus steady clock, ns; the runtime sets it. Cached verdicts with an end are void when it jumps."""
        self.version = 0
        """Rises with each write handed over: a verdict of an older version is worth forming anew."""
        self._layout = layout or Layout()
        self._cells: dict[tuple[int, Table, int], Cell] = {}
        self._histories: dict[str, History] = {}
        self._buckets: dict[tuple[str, str], int] = {}
        self._uses: dict[str, int] = {}

    def adopt(self, layout: Layout, points: Iterable[str], grants: Iterable[str]) -> None:
        """Serve another policy from now on; keep what it still speaks of."""
        self._layout = layout
        kept = {(*key, address) for key, addresses in layout.addresses.items() for address in addresses}
        self._cells = {key: cell for key, cell in self._cells.items() if key in kept}
        names, ids = set(points), set(grants)
        self._histories = {name: history for name, history in self._histories.items() if name in names}
        self._uses = {grant: uses for grant, uses in self._uses.items() if grant in ids}

    def watches(self, unit: int, table: Table, span: AddressRange) -> bool:
        """Say whether anything in the run is worth telling to `seen`."""
        addresses = self._layout.addresses.get((self._layout.same_unit.get(unit, unit), table))
        if addresses is None:
            return False
        at = bisect_left(addresses, span.first)
        return at < len(addresses) and addresses[at] <= span.last

    def seen(self, table: Table, unit: int, first: int, values: Sequence[int], now: int) -> None:
        """Take in what a device said or acknowledged: `values` from address `first` on."""
        unit = self._layout.same_unit.get(unit, unit)
        for address in self._watched(unit, table, AddressRange(first, first + len(values) - 1)):
            key = (unit, table, address)
            value = values[address - first]
            old = self._cells.get(key, UNKNOWN)
            settled = old.pending < 0 or value == old.pending or now - old.pending_at >= SETTLE_NS
            self._cells[key] = Cell(value, now) if settled else Cell(value, now, old.pending, old.pending_at)

    def unknown(self, unit: int, table: Table, span: AddressRange) -> None:
        """Forget a run: nobody knows whether a write to it happened."""
        unit = self._layout.same_unit.get(unit, unit)
        for address in self._watched(unit, table, span):
            self._cells.pop((unit, table, address), None)

    def rejected(self, unit: int, table: Table, span: AddressRange) -> None:
        """The device answered a write to the run with an exception: what was there before is still there."""
        unit = self._layout.same_unit.get(unit, unit)
        for address in self._watched(unit, table, span):
            old = self._cells.get((unit, table, address), UNKNOWN)
            if old.pending >= 0:
                self._cells[unit, table, address] = Cell(old.value, old.at)

    def written(self, key: tuple[int, Table, int], value: int | None, now: int) -> None:
        """Note a value on its way to a watched element; None for one that cannot be foretold. Policy's own call."""
        addresses = self._layout.addresses.get(key[:2], ())
        at = bisect_left(addresses, key[2])
        if at == len(addresses) or addresses[at] != key[2]:
            return
        old = self._cells.get(key, UNKNOWN)
        twice = old.pending >= 0 and old.pending != value and now - old.pending_at < SETTLE_NS
        if value is None or twice:
            self._cells.pop(key, None)
        else:
            self._cells[key] = Cell(old.value, old.at, value, now)

    def words(self, unit: int, law: PointLaw, now: int) -> list[tuple[int, ...]]:
        """Return what the point may hold now: one tuple of words, two while a write is on its way, none if unknown."""
        table = law.point.table
        oldest = now - law.point.max_age_ns
        cells = [self._cells.get((unit, table, a), UNKNOWN) for a in range(law.span.first, law.span.last + 1)]
        if any(cell.at == 0 or cell.at < oldest for cell in cells):
            return []
        possible = [tuple(cell.value for cell in cells)]
        if any(cell.pending >= 0 for cell in cells):
            possible.append(tuple(cell.pending if cell.pending >= 0 else cell.value for cell in cells))
        return possible

    def history(self, point: str) -> History:
        """Return the writes to a point; bounded by the points that the policy declares."""
        return self._histories.setdefault(point, History())

    def take(self, rule: str, client: str, rate: Rate, now: int) -> bool:
        """Take one request from a client's bucket under a rule; False where it is empty."""
        key = (rule, client)
        each = rate.period_ns // rate.burst
        full_again = max(self._buckets.get(key, 0), now)
        if full_again + each > now + each * rate.burst:
            return False
        if key not in self._buckets and len(self._buckets) >= MAX_BUCKETS:
            self._buckets = {known: at for known, at in self._buckets.items() if at > now}
            if len(self._buckets) >= MAX_BUCKETS:
                return False
        self._buckets[key] = full_again + each
        return True

    def uses(self, grant: str) -> int:
        """Return how many requests a grant has let through."""
        return self._uses.get(grant, 0)

    def use(self, grant: str) -> None:
        """Count one more; bounded by the grants that the policy holds."""
        self._uses[grant] = self._uses.get(grant, 0) + 1

    def _watched(self, unit: int, table: Table, span: AddressRange) -> list[int]:
        addresses = self._layout.addresses.get((unit, table))
        if addresses is None:
            return []
        at = bisect_left(addresses, span.first)
        found = []
        while at < len(addresses) and addresses[at] <= span.last:
            found.append(addresses[at])
            at += 1
        return found
