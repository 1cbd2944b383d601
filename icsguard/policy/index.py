"""Where points live: from a run of elements to the laws that a write to it must keep, overlapping memory included."""

from __future__ import annotations

from bisect import bisect_right
from typing import Final

from icsguard.core.ids import AddressRange
from icsguard.core.meaning import Change, Table
from icsguard.core.point import Point
from icsguard.policy.effect import ALL_BITS, overlap_bit
from icsguard.policy.law import PointLaw
from icsguard.policy.rules import Policy, Target
from icsguard.policy.units import Units

_LONGEST: Final = 4
"""Words of the longest type."""
_WRITABLE: Final = (Table.COIL, Table.HOLDING)


class _Bank:
    """The laws of one table of one unit, in order of address."""

    __slots__ = ("laws", "starts")

    def __init__(self, laws: list[PointLaw]) -> None:
        self.laws = sorted(laws, key=lambda law: law.span)
        self.starts = [law.span.first for law in self.laws]

    def touching(self, span: AddressRange) -> list[PointLaw]:
        at = bisect_right(self.starts, span.last)
        found = []
        while at > 0 and self.starts[at - 1] > span.first - _LONGEST:
            at -= 1
            if self.laws[at].span.last >= span.first:
                found.append(self.laws[at])
        return found[::-1]


class Points:
    """Every point of a policy, by place and by name. Units are canonical here."""

    __slots__ = ("_banks", "_by_name", "_linked", "_loose", "_unit_of", "_units", "all")

    def __init__(self, policy: Policy, units: Units) -> None:
        self.all: list[tuple[int, PointLaw]] = []
        self._units = units
        self._by_name: dict[str, PointLaw] = {}
        self._unit_of: dict[str, int] = {}
        self._loose: dict[tuple[int, Table], list[PointLaw]] = {}
        for point in policy.points:
            self.add(point)
        self.close()

    def add(self, point: Point) -> None:
        """File one more point; `close` when all are there."""
        unit, law = self._units.same(point.unit_id), PointLaw(point)
        self.all.append((unit, law))
        self._loose.setdefault((unit, point.table), []).append(law)
        self._by_name[point.name] = law
        self._unit_of[point.name] = unit

    def close(self) -> None:
        """Bring what was filed into order."""
        self._banks = {key: _Bank(laws) for key, laws in self._loose.items()}
        self._linked = _links(self._by_name)

    def touching(self, unit: int, table: Table, span: AddressRange) -> list[PointLaw]:
        """Return the laws of the points that share an element with the run, in order of address."""
        bank = self._banks.get((unit, table))
        return bank.touching(span) if bank else []

    def targets(self, unit: int, names: tuple[str, ...] | None = None) -> list[Target]:
        """Return where the unit's points live: those named, or every one that can be written."""
        if names is None:
            found = [
                law for table in _WRITABLE if (unit, table) in self._banks for law in self._banks[unit, table].laws
            ]
        else:
            found = [self._by_name[name] for name in names if self._unit_of.get(name) == unit]
        return [Target(law.point.table, law.span) for law in found]

    @property
    def are_linked(self) -> bool:
        """Say whether any point shares memory with another."""
        return bool(self._linked)

    def sharing(self, law: PointLaw) -> list[PointLaw]:
        """Return the laws of the points in other tables that share this one's memory inside the device (AP §4.3)."""
        return self._linked.get(law.point.name, [])

    def units_with(self, table: Table, span: AddressRange) -> list[int]:
        """Return the units that have a point in the run: whom a broadcast would reach there."""
        return sorted({unit for unit, law in self.all if law.point.table is table and law.span.overlaps(span)})


def _links(by_name: dict[str, PointLaw]) -> dict[str, list[PointLaw]]:
    linked: dict[str, list[PointLaw]] = {}
    for name, law in by_name.items():
        for text in law.point.overlaps:
            other = by_name.get(text) or by_name.get(text.rpartition(".")[0])
            if other is not None and other is not law:
                linked.setdefault(name, []).append(other)
                linked.setdefault(other.point.name, []).append(law)
    return linked


def seen_through(change: Change, law: PointLaw, other: PointLaw) -> Change | None:
    """Return what a write to `law`'s point changes in the overlapping `other`, None where that cannot be told."""
    bit = overlap_bit(law.point, other.point.name)
    if bit is not None:
        value = change.values[law.span.first - change.start]
        mask = 1 << bit
        return Change(other.point.table, other.span.first, (mask if value else 0,), keep=~mask & ALL_BITS)
    bit = overlap_bit(other.point, law.point.name)
    if bit is None or change.keep >> bit & 1:
        return None
    word = change.values[law.span.first - change.start]
    return Change(other.point.table, other.span.first, (word >> bit & 1,))


def merged(changes: list[Change]) -> list[Change]:
    """Join the single-bit changes of one register: two coils of one request move it together."""
    joined: dict[tuple[Table, int], Change] = {}
    for change in changes:
        known = joined.setdefault((change.table, change.start), change)
        both = (known.values[0] | change.values[0],)
        joined[change.table, change.start] = known._replace(values=both, keep=known.keep & change.keep)
    return list(joined.values())
