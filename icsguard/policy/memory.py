"""What one conduit must remember so that policy can judge: present values, recent steps, rates, used grants.

Mutable and bounded by what the policy declares; the only state beside the immutable `Judge`. The conversation tells it
what devices said (`seen`), what was handed over (`Judge.delivered`) and what became of it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from typing import Final

from icsguard.core.clock import SECOND
from icsguard.core.ids import AddressRange
from icsguard.core.meaning import Table
from icsguard.policy.history import History
from icsguard.policy.law import PointLaw
from icsguard.policy.rules import Rate

MAX_BUCKETS: Final = 4096  # rule and client pairs with a rate; when full, idle ones go, and without an idle one: refuse
SETTLE_NS: Final = 2 * SECOND
"""A read this much later than a write shows what the write did; an earlier one may be older than the write."""


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


class _Bank:
    """The remembered elements of one table of one unit: columns, so that a whole response goes in by slices."""

    __slots__ = ("addresses", "ats", "pending", "values")

    def __init__(self, addresses: list[int]) -> None:
        self.addresses = addresses
        self.values = [0] * len(addresses)
        self.ats = [0] * len(addresses)
        """When each value was last said; 0: unknown."""
        self.pending: dict[int, tuple[int, int]] = {}
        """Values on their way and since when, by place in the columns."""

    def run(self, first: int, last: int) -> range:
        """Return the places of the watched elements from `first` to `last`."""
        return range(bisect_left(self.addresses, first), bisect_right(self.addresses, last))

    def seen(self, first: int, row: Sequence[int], now: int) -> None:
        """Take in a row of values from address `first` on."""
        places = self.run(first, first + len(row) - 1)
        if not places:
            return
        low, high = places.start, places.stop
        start = self.addresses[low] - first
        if self.addresses[high - 1] - self.addresses[low] == high - 1 - low:
            self.values[low:high] = row[start : start + high - low]
        else:
            for at in places:
                self.values[at] = row[self.addresses[at] - first]
        self.ats[low:high] = [now] * (high - low)
        for at in [at for at in self.pending if low <= at < high]:
            value, since = self.pending[at]
            if self.values[at] == value or now - since >= SETTLE_NS:
                del self.pending[at]

    def forget(self, at: int) -> None:
        """Make one element unknown."""
        self.ats[at] = 0
        self.pending.pop(at, None)

    def wrote(self, at: int, value: int | None, now: int) -> None:
        """Note a value on its way to one element; None for one that cannot be foretold."""
        known = self.pending.get(at)
        twice = known is not None and known[0] != value and now - known[1] < SETTLE_NS
        if value is None or twice:
            self.forget(at)
        else:
            self.pending[at] = (value, now)

    def take_over(self, other: _Bank) -> None:
        """Copy what another bank knows of the same elements."""
        places = {address: at for at, address in enumerate(other.addresses)}
        for at, address in enumerate(self.addresses):
            old = places.get(address)
            if old is None:
                continue
            self.values[at], self.ats[at] = other.values[old], other.ats[old]
            if old in other.pending:
                self.pending[at] = other.pending[old]


class Memory:
    """The memory of one conduit."""

    __slots__ = ("_banks", "_buckets", "_histories", "_same_unit", "_uses", "version", "wall_shift")

    def __init__(self, layout: Layout | None = None) -> None:
        self.wall_shift = 0
        """Wall minus steady clock, ns; the runtime sets it. Cached verdicts with an end are void when it jumps."""
        self.version = 0
        """Rises with each write handed over: a verdict of an older version is worth forming anew."""
        found = layout or Layout()
        self._same_unit = found.same_unit
        self._banks = {key: _Bank(addresses) for key, addresses in found.addresses.items()}
        self._histories: dict[str, History] = {}
        self._buckets: dict[tuple[str, str], int] = {}
        self._uses: dict[str, int] = {}

    def adopt(self, layout: Layout, points: Iterable[str], grants: Iterable[str]) -> None:
        """Serve another policy from now on; keep what it still speaks of."""
        former, self._same_unit = self._banks, layout.same_unit
        self._banks = {key: _Bank(addresses) for key, addresses in layout.addresses.items()}
        for key in self._banks.keys() & former.keys():
            self._banks[key].take_over(former[key])
        names, ids = set(points), set(grants)
        self._histories = {name: history for name, history in self._histories.items() if name in names}
        self._uses = {grant: uses for grant, uses in self._uses.items() if grant in ids}

    def watches(self, unit: int, table: Table, span: AddressRange) -> bool:
        """Say whether anything in the run is worth telling to `seen`."""
        bank = self._bank(unit, table)
        return bank is not None and bool(bank.run(span.first, span.last))

    def seen(self, table: Table, unit: int, first: int, values: Sequence[int], now: int) -> None:
        """Take in what a device said or acknowledged: `values` from address `first` on."""
        bank = self._bank(unit, table)
        if bank is not None:
            bank.seen(first, values, now)

    def unknown(self, unit: int, table: Table, span: AddressRange) -> None:
        """Forget a run: nobody knows whether a write to it happened."""
        if bank := self._bank(unit, table):
            for at in bank.run(span.first, span.last):
                bank.forget(at)

    def rejected(self, unit: int, table: Table, span: AddressRange) -> None:
        """The device answered a write to the run with an exception: what was there before is still there."""
        if bank := self._bank(unit, table):
            for at in bank.run(span.first, span.last):
                bank.pending.pop(at, None)

    def written(self, key: tuple[int, Table, int], value: int | None, now: int) -> None:
        """Note a value on its way to an element; None for one that cannot be foretold. Policy's own call."""
        if bank := self._banks.get(key[:2]):
            for at in bank.run(key[2], key[2]):
                bank.wrote(at, value, now)

    def words(self, unit: int, law: PointLaw, now: int) -> list[tuple[int, ...]]:
        """Return what the point may hold now: one tuple of words, two while a write is on its way, none if unknown."""
        bank = self._banks.get((unit, law.point.table))
        if bank is None:
            return []
        places = bank.run(law.span.first, law.span.last)
        oldest = max(now - law.point.max_age_ns, 1)
        if len(places) < law.point.words or any(bank.ats[at] < oldest for at in places):
            return []
        possible = [tuple(bank.values[places.start : places.stop])]
        if any(at in bank.pending for at in places):
            possible.append(tuple(bank.pending[at][0] if at in bank.pending else bank.values[at] for at in places))
        return possible

    def known(self) -> set[tuple[int, Table, int]]:
        """Return the elements (unit, table, address) whose value is known, however old."""
        return {
            (*key, bank.addresses[at])
            for key, bank in self._banks.items()
            for at, since in enumerate(bank.ats)
            if since
        }

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

    def _bank(self, unit: int, table: Table) -> _Bank | None:
        return self._banks.get((self._same_unit.get(unit, unit), table))
