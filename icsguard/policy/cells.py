"""Rules compiled per question: which of them speak of this client, this unit and this service?

A cell answers it once for all requests of the same kind; cells are made on first use and remembered.
"""

from __future__ import annotations

from typing import Final

from icsguard.core.decision import Decision, RuleState
from icsguard.core.meaning import Access, Intent
from icsguard.core.verdict import Verdict
from icsguard.policy.clients import Groups, own_group
from icsguard.policy.grants import spelled_out
from icsguard.policy.index import Points
from icsguard.policy.rules import Action, Grant, Policy, Rule, Service
from icsguard.policy.spans import Spans
from icsguard.policy.units import UNDECLARED, Units
from icsguard.policy.windows import FOREVER, Calendar, Hours

MAX_CELLS: Final = 8192  # client groups by units by services in use are far fewer; a scan fills it, then it starts anew
MAX_UNITS: Final = 257  # what a unit identifier can say, and one for all that are undeclared


class Line:
    """One rule, with what it reaches in each unit worked out."""

    __slots__ = ("_reach", "hours", "is_plain", "limits_values", "quick", "rule", "written")

    def __init__(self, rule: Rule, calendar: Calendar) -> None:
        self.rule = rule
        self.hours = Hours(rule.hours, calendar) if rule.hours else None
        self.limits_values = rule.minimum is not None or rule.maximum is not None
        self.is_plain = rule.action is Action.ALLOW and not (rule.hours or rule.rate)
        """Say whether a read that it reaches is permitted without a further look."""
        self.quick = Verdict(Decision.ALLOW, Decision.ALLOW, cacheable_until=FOREVER, rule=rule.id)
        """The verdict on a read that it permits, and below that on a write which touches no point."""
        self.written = Verdict(Decision.ALLOW, Decision.ALLOW, rule=rule.id)
        self._reach: dict[int, tuple[Spans | None, Spans]] = {}

    def speaks_of(self, unit: int, units: Units) -> bool:
        """Say whether the rule holds for the (canonical) unit; a broadcast must be named."""
        return _names(self.rule.units, unit, units)

    def reach(self, unit: int, points: Points) -> tuple[Spans | None, Spans]:
        """Return what may be read (None: everything) and what may be written; bounded by MAX_UNITS."""
        found = self._reach.get(unit)
        if found is None:
            found = self._reach[unit] = _reach(self.rule, unit, points)
        return found


class Pass:
    """One grant, compiled alike."""

    __slots__ = ("grant", "group", "reach")

    def __init__(self, grant: Grant, names: frozenset[str]) -> None:
        self.grant = grant
        self.group = grant.client if grant.client in names else own_group(grant.client)

    def speaks_of(self, unit: int, service: Service, units: Units) -> bool:
        """Say whether the grant gives this service on this unit."""
        grant = self.grant
        if service not in grant.services:
            return False
        return _names(grant.units, unit, units)

    def covers(self, access: Access, unit: int, points: Points) -> bool:
        """Say whether the grant reaches every element of the access."""
        reads, writes = _reach(self.grant, unit, points)
        spans = reads if access.intent is Intent.READ else writes
        return spans is None or spans.covers(access)

    def holds(self, now: int, wall: int, uses: int) -> bool:
        """Say whether the grant is in force: begun, not ended, not used up.

        It ends when the first of the two clocks says so: setting the wall clock back prolongs nothing.
        """
        grant = self.grant
        ended = max(now, wall) >= grant.until
        return grant.since <= wall and not ended and (grant.max_uses == 0 or uses < grant.max_uses)

    def next_edge(self, now: int, shift: int) -> int:
        """Return when (steady clock) the grant next begins or ends, FOREVER if never again."""
        edges = (self.grant.since - shift, self.grant.until - max(shift, 0))
        return min((edge for edge in edges if edge > now), default=FOREVER)


class Cell:
    """The lines that speak of one kind of request."""

    __slots__ = ("denies", "hours", "passes", "permits", "quick", "quick_writes", "uncountable")

    def __init__(self, lines: list[Line], passes: list[Pass], unit: int, points: Points) -> None:
        self.denies = [line for line in lines if line.rule.action is Action.DENY]
        permits = [line for line in lines if line.rule.action is not Action.DENY]
        self.permits = sorted(permits, key=lambda line: not line.is_plain)
        self.passes = passes
        self.hours = [line.hours for line in lines if line.hours is not None]
        self.uncountable = any(line.rule.rate for line in lines) or any(p.grant.max_uses for p in passes)
        """Say whether something is counted on each request: such verdicts are never cached."""
        plain = not self.denies and not passes and all(line.is_plain for line in permits)
        self.quick = [(line.reach(unit, points)[0], line.quick) for line in permits] if plain else []
        """If not empty: a read that one of these spans covers (None: all) has the verdict beside it."""
        plain = plain and unit != UNDECLARED and not any(line.limits_values for line in permits)
        self.quick_writes = [(line.reach(unit, points)[1], line.written) for line in permits] if plain else []
        """If not empty: a write of one run that touches no point has the verdict of the first span that covers it."""


class Cells:
    """All cells of one policy."""

    __slots__ = ("_by_service", "_calendar", "_cells", "_count", "_passes", "_points", "_units")

    def __init__(self, policy: Policy, points: Points, units: Units) -> None:
        self._calendar = Calendar(policy.zone)
        self._points, self._units = points, units
        self._cells: dict[tuple[Groups, int, int, int], Cell] = {}
        self._by_service: dict[tuple[Service, str], list[tuple[int, Line]]] = {}
        """By service and client group, in the order of the rules; without a group: rules for every client."""
        self._count = 0
        names = frozenset(group.name for group in policy.groups)
        self._passes = [Pass(spelled_out(grant, policy.points), names) for grant in policy.grants]
        for rule in policy.rules:
            self.add(rule)

    def add(self, rule: Rule) -> None:
        """File one more rule, behind those that are there."""
        if rule.state is RuleState.OFF:
            return
        line, self._count = (self._count, Line(rule, self._calendar)), self._count + 1
        for service in rule.services:
            for group in rule.clients or ("",):
                self._by_service.setdefault((service, group), []).append(line)

    def shelves(self) -> list[list[tuple[int, Line]]]:
        """Return every rule that is filed, one shelf for each service and client group."""
        return list(self._by_service.values())

    def has_service(self, function: int) -> bool:
        """Say whether a rule speaks of this function."""
        return any(service.function == function for service, _group in self._by_service)

    def cell(self, groups: Groups, unit: int, function: int, sub: int) -> Cell:
        """Return the cell of one kind of request; bounded by MAX_CELLS."""
        key = (groups, unit, function, sub)
        found = self._cells.get(key)
        if found is None:
            if len(self._cells) >= MAX_CELLS:
                self._cells.clear()
            found = self._cells[key] = self._make(groups, unit, Service(function, sub))
        return found

    def _make(self, groups: Groups, unit: int, service: Service) -> Cell:
        found = {number: line for group in ("", *groups) for number, line in self._by_service.get((service, group), ())}
        lines = [line for _, line in sorted(found.items()) if line.speaks_of(unit, self._units)]
        passes = [p for p in self._passes if p.group in groups and p.speaks_of(unit, service, self._units)]
        return Cell(lines, passes, unit, self._points)


def _names(named: tuple[int, ...], unit: int, units: Units) -> bool:
    if not named:
        return unit != UNDECLARED and not units.is_broadcast(unit)
    return any(units.same(one) == unit for one in named)


def _reach(rule: Rule | Grant, unit: int, points: Points) -> tuple[Spans | None, Spans]:
    if rule.targets or rule.points:
        spans = Spans([*rule.targets, *points.targets(unit, rule.points)])
        return spans, spans
    return None, Spans(points.targets(unit))
