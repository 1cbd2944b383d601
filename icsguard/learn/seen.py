"""What was seen: who asked which unit what, how often, when, on how many occasions, with which values.

A SCADA connection lives for weeks, so TCP sessions say little about how settled a habit is. An *occasion* is one
connection within one stretch of time; a write that happened on several of them is a habit and not an accident.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from icsguard.core.clock import MINUTE, SECOND
from icsguard.core.meaning import Intent, Meaning, Table
from icsguard.core.transaction import Transaction
from icsguard.protocols.modbus.mbap import HEADER
from icsguard.protocols.modbus.meaning import meaning, observations
from icsguard.protocols.modbus.pdu import parse_request, parse_response

_LEAST_SPAN: Final = 10 * SECOND
"""Nothing is concluded about a minute from less than this."""
_SMALL: Final = 0x1000
MAX_OCCASIONS: Final = 1_000  # of one habit; more say nothing new


class Habit(NamedTuple):
    """One client's way of asking one unit."""

    client: str
    unit: int
    function: int
    sub: int


class Element(NamedTuple):
    """One coil, input or register."""

    unit: int
    table: Table
    address: int


@dataclass(slots=True)
class Evidence:
    """How often, when, on how many occasions."""

    count: int = 0
    first: int = 0
    """Wall clock or time of capture, ns."""
    last: int = 0
    occasions: set[tuple[int, int]] = field(default_factory=set)
    peak: int = 0
    """Most in one minute, counted from the first."""
    _minute: int = 0
    _in_minute: int = 0

    def add(self, at: int, occasion: tuple[int, int]) -> None:
        """Count one; moments come in order."""
        self.first = at if self.count == 0 else self.first
        self.last = at
        self.count += 1
        if len(self.occasions) < MAX_OCCASIONS:
            self.occasions.add(occasion)
        minute = (at - self.first) // MINUTE
        self._in_minute = self._in_minute + 1 if minute == self._minute else 1
        self._minute = minute
        self.peak = max(self.peak, self._in_minute)

    @property
    def per_minute(self) -> int:
        """Return how many a minute this may become: what was seen, and more where less than a minute was seen."""
        span = max(self.last - self.first, _LEAST_SPAN)
        return self.peak if span >= MINUTE else -(-self.count * MINUTE // span)


@dataclass(slots=True)
class Values:
    """The raw values that an element had, as unsigned and as signed numbers."""

    low: int = 0xFFFF
    high: int = 0
    signed_low: int = 0x7FFF
    signed_high: int = -0x8000
    middling: int = 0
    """How many were neither small nor, as signed numbers, small and negative."""
    count: int = 0

    def add(self, value: int) -> None:
        """Count one."""
        signed = value - 0x10000 if value >= 0x8000 else value  # noqa: PLR2004 - the sign bit of 16
        self.low, self.high = min(self.low, value), max(self.high, value)
        self.signed_low, self.signed_high = min(self.signed_low, signed), max(self.signed_high, signed)
        self.middling += not -_SMALL <= signed < _SMALL
        self.count += 1

    @property
    def is_signed(self) -> bool:
        """Guess: values near both ends of the range and none between are small numbers around zero."""
        return not self.middling and self.signed_low < 0


@dataclass(slots=True)
class Seen:
    """Everything that learning needs of the traffic, in bounded space per habit and element."""

    occasion_ns: int
    habits: dict[Habit, Evidence] = field(default_factory=dict)
    reads: dict[Habit, set[tuple[Table, int]]] = field(default_factory=dict)
    """Elements that a habit reads."""
    writes: dict[tuple[Habit, Element], Evidence] = field(default_factory=dict)
    files: Counter[Habit] = field(default_factory=Counter)
    """Accesses to file records."""
    written: dict[Element, Values] = field(default_factory=dict)
    values: dict[Element, Values] = field(default_factory=dict)
    """Values that devices reported."""

    def take(self, transactions: Iterable[Transaction]) -> None:
        """Look at transactions in the order of their requests. Malformed ones teach nothing."""
        for one in transactions:
            request = parse_request(one.request[HEADER - 1], one.request[HEADER:])
            if request.defect is not None:
                continue
            wish = meaning(request)
            habit = Habit(one.client, wish.unit, wish.function, wish.sub)
            occasion = (one.flow, one.request_at // self.occasion_ns)
            self.habits.setdefault(habit, Evidence()).add(one.request_at, occasion)
            self._accesses(habit, wish, one.request_at, occasion)
            if one.response:
                self._values(wish.unit, observations(request, parse_response(request, one.response[HEADER:])))

    def _accesses(self, habit: Habit, wish: Meaning, at: int, occasion: tuple[int, int]) -> None:
        for access in wish.accesses:
            if access.table is Table.FILE:
                self.files[habit] += 1
                continue
            run = range(access.span.first, access.span.last + 1)
            if access.intent is not Intent.WRITE:
                self.reads.setdefault(habit, set()).update((access.table, address) for address in run)
                continue
            for address in run:
                element = Element(wish.unit, access.table, address)
                self.writes.setdefault((habit, element), Evidence()).add(at, occasion)
        for change in wish.changes:
            for place, value in enumerate(change.values):
                if not change.keep:
                    element = Element(wish.unit, change.table, change.start + place)
                    self.written.setdefault(element, Values()).add(value)

    def _values(self, unit: int, observed: Iterable[tuple[Table, int, tuple[int, ...]]]) -> None:
        for table, first, values in observed:
            for place, value in enumerate(values):
                self.values.setdefault(Element(unit, table, first + place), Values()).add(value)
