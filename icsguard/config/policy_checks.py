"""Does a policy hold together: known names, rules that can take effect, and none that contradict each other."""

from __future__ import annotations

from ipaddress import ip_network
from itertools import combinations
from typing import Final

from icsguard.config.policy_file import Draft, windows_overlap
from icsguard.config.problem import Findings, did_you_mean
from icsguard.core.decision import RuleState
from icsguard.core.ids import AddressRange
from icsguard.core.meaning import Access, Intent, Table
from icsguard.core.point import Point
from icsguard.policy.grants import DATA_FUNCTIONS
from icsguard.policy.rules import Action, Grant, Policy, Rule, Service, Target
from icsguard.policy.spans import Spans
from icsguard.policy.units import Units
from icsguard.policy.words import services_text, target_text

WRITES: Final = frozenset({5, 6, 15, 16, 21, 22, 23})
"""Functions that write elements (Modbus AP V1.1b3 §6)."""
READS: Final = frozenset({1, 2, 3, 4, 20, 23, 24})
MAX_COMPARISONS: Final = 500_000  # of permits with wider ones, a second's work; beyond, needless rules go untold
_SPLIT: Final = "split ranges, clients or functions until they part"
_TABLES: Final = {function: table for table, functions in DATA_FUNCTIONS.items() for function in functions}


def check_policy(draft: Draft, points: tuple[Point, ...], *, points_complete: bool, findings: Findings) -> None:
    """Note everything about registers that does not fit together."""
    checker = _Checker(draft, points, findings, points_complete=points_complete)
    for rule in draft.rules:
        if not rule.pack:
            checker.names(rule)
            checker.effect(rule)
    for grant in draft.grants:
        checker.names(grant)
    checker.contradictions()
    checker.needless()


class _Checker:
    """The checks of one policy."""

    __slots__ = ("_draft", "_findings", "_networks", "_node_names", "_point_names", "_points_complete", "_units")

    def __init__(self, draft: Draft, every: tuple[Point, ...], findings: Findings, *, points_complete: bool) -> None:
        points = tuple(point for point in every if point.in_registers)
        self._node_names = frozenset(point.name for point in every if not point.in_registers)
        bare = Policy(points=points, rules=tuple(draft.rules), grants=tuple(draft.grants))
        self._draft, self._findings, self._points_complete = draft, findings, points_complete
        self._units = Units(bare)
        self._point_names = {point.name: point for point in points}
        self._networks = {group.name: [ip_network(text) for text in group.networks] for group in draft.groups}

    def names(self, rule: Rule | Grant) -> None:
        """Every group and point that is named exists, in a unit that the rule holds for."""
        if isinstance(rule, Rule):
            for name in rule.clients:
                if name not in self._networks:
                    self._error(rule, "clients", f"unknown client group {name!r}", did_you_mean(name, self._networks))
        for name in rule.points:
            point = self._point_names.get(name)
            if name in self._node_names:
                if isinstance(rule, Rule):
                    text = f"the point {name!r} lives in a node, not in registers"
                    self._error(rule, "points", text, "name it in an [[opcua.rule]]")
            elif point is None and self._points_complete:
                self._error(rule, "points", f"unknown point {name!r}", did_you_mean(name, self._point_names))
            elif point is not None and rule.units and point.unit_id not in rule.units:
                units = ", ".join(str(unit) for unit in rule.units)
                text = f"the point {name!r} is in unit {point.unit_id}, the rule holds for unit {units}"
                self._error(rule, "points", text, "it could never apply: name the point's unit")

    def effect(self, rule: Rule) -> None:
        """The rule can apply to something at all."""
        if not rule.units and not self._units.declared and self._points_complete:
            self._error(rule, "", f"rule {rule.id!r} holds for no unit", "write units = [1], or declare points")
        functions = {service.function for service in rule.services}
        if rule.targets or rule.points:
            self._fits(rule, functions)
        elif (
            functions & WRITES and rule.action is not Action.DENY and self._points_complete and not self._any_writable()
        ):
            text = (
                f"rule {rule.id!r} permits writes, but no point is declared and it names no ranges: it writes nothing"
            )
            self._warn(rule, text, "name ranges, or declare points")

    def contradictions(self) -> None:
        """No two rules say different things of the same request."""
        live = self._comparable()
        permits = [rule for rule in live if rule.action is Action.ALLOW]
        others = [rule for rule in live if rule.action is not Action.ALLOW]
        pairs = [(one, other) for other in others for one in permits]
        pairs += [pair for pair in combinations(others, 2) if pair[0].action is not pair[1].action]
        for one, other in pairs:
            shared = self._shared(one, other)
            if shared:
                text = (
                    f"rules {one.id!r} ({one.action}) and {other.id!r} ({other.action}) "
                    f"say different things of functions {shared}"
                )
                pack = one.pack or other.pack
                hint = f"name them by number: that outranks the pack {pack}" if pack else _SPLIT
                self._error(self._later(one, other), "", text, hint)

    def needless(self) -> None:
        """No permit is already contained in another one."""
        permits = [rule for rule in self._comparable() if rule.action is Action.ALLOW]
        wider_ones: dict[tuple[str, Service], list[Rule]] = {}
        for rule in permits:
            for client in rule.clients or ("",):
                for service in rule.services:
                    wider_ones.setdefault((client, service), []).append(rule)
        left = MAX_COMPARISONS
        for rule in permits:
            if not rule.services:
                continue
            first = rule.services[0]
            own = wider_ones.get((rule.clients[0], first), []) if rule.clients else []
            candidates = [*own, *wider_ones.get(("", first), [])]
            left -= len(candidates)
            if left < 0:
                return
            wider = next((other for other in candidates if self._contains(other, rule)), None)
            if wider is not None:
                text = f"rule {rule.id!r} is never needed: rule {wider.id!r} permits all of it"
                self._error(rule, "", text, "remove one of them, or narrow the wider one")

    def _comparable(self) -> list[Rule]:
        sound = [r for at, r in enumerate(self._draft.rules) if ("rule", at) not in self._draft.faulty]
        return [rule for rule in sound if rule.state is not RuleState.OFF]

    def _fits(self, rule: Rule, functions: set[int]) -> None:
        tables = {target.table for target in rule.targets}
        tables |= {self._point_names[name].table for name in rule.points if name in self._point_names}
        if not tables:
            return
        usable = {_TABLES[function] for function in functions if function in _TABLES}
        if usable.isdisjoint(tables) and functions <= set(_TABLES):
            words = ", ".join(sorted(table.word for table in tables))
            text = f"rule {rule.id!r} can never apply: its functions do not reach {words}"
            self._error(rule, "functions", text, f"functions {services_text(rule.services)} use other tables")
        for target in rule.targets:
            if target.table not in usable and functions <= set(_TABLES) and not usable.isdisjoint(tables):
                self._warn(rule, f"rule {rule.id!r}: no function of it reaches {target_text(target)}", "")

    def _any_writable(self) -> bool:
        return any(point.table in {Table.COIL, Table.HOLDING} for point in self._point_names.values())

    def _shared(self, one: Rule, other: Rule) -> str:
        services = tuple(sorted(set(one.services) & set(other.services)))
        if not services or not self._meet(one, other) or not windows_overlap(one.hours, other.hours):
            return ""
        met = tuple(service for service in services if self._reach_meets(one, other, service.function))
        return services_text(met)

    def _meet(self, one: Rule, other: Rule) -> bool:
        if one.units and other.units and not set(one.units) & set(other.units):
            return False
        if not one.clients or not other.clients or set(one.clients) & set(other.clients):
            return True
        mine = [network for name in one.clients for network in self._networks.get(name, ())]
        theirs = [network for name in other.clients for network in self._networks.get(name, ())]
        return any(a.version == b.version and a.overlaps(b) for a in mine for b in theirs)

    def _reach_meets(self, one: Rule, other: Rule, function: int) -> bool:
        if function not in _TABLES:
            return True
        mine, theirs = self._reach(one, function), self._reach(other, function)
        if mine is None or theirs is None:
            return bool(mine or theirs) or mine is theirs
        return any(Spans(theirs).meets(_access(target)) for target in mine)

    def _reach(self, rule: Rule, function: int) -> list[Target] | None:
        """Return what a rule reaches with a function, None for everything."""
        table = _TABLES[function]
        if rule.targets or rule.points:
            places = [self._point_names[name] for name in rule.points if name in self._point_names]
            found = [*rule.targets, *(Target(point.table, _span(point)) for point in places)]
        elif function in READS - WRITES or rule.action is Action.DENY:
            return None
        else:
            found = [Target(point.table, _span(point)) for point in self._point_names.values()]
        return [target for target in found if target.table is table]

    def _contains(self, wide: Rule, narrow: Rule) -> bool:
        if wide is narrow or wide.rate or wide.hours or wide.state is not RuleState.ENFORCE:
            return False
        if wide.minimum is not None or wide.maximum is not None or not set(narrow.services) <= set(wide.services):
            return False
        if wide.clients and not (narrow.clients and set(narrow.clients) <= set(wide.clients)):
            return False
        if wide.units and not (narrow.units and set(narrow.units) <= set(wide.units)):
            return False
        if not all(self._reach_contains(wide, narrow, service.function) for service in narrow.services):
            return False
        twins = self._key(wide) == self._key(narrow)
        return not twins or self._order(wide) < self._order(narrow)

    def _reach_contains(self, wide: Rule, narrow: Rule, function: int) -> bool:
        if function not in _TABLES:
            return True
        mine, theirs = self._reach(wide, function), self._reach(narrow, function)
        if mine is None:
            return True
        if theirs is None:
            return False
        spans = Spans(mine)
        return all(spans.covers(_access(target)) for target in theirs)

    def _key(self, rule: Rule) -> tuple[object, ...]:
        return rule.clients, rule.units, rule.services, rule.targets, rule.points, rule.rate, rule.hours, rule.state

    def _order(self, rule: Rule) -> int:
        return self._draft.rules.index(rule)

    def _later(self, one: Rule, other: Rule) -> Rule:
        if one.pack or other.pack:
            return other if one.pack else one
        return max(one, other, key=self._order)

    def _at(self, rule: Rule | Grant, key: str) -> tuple[str, int]:
        kind, items = ("rule", self._draft.rules) if isinstance(rule, Rule) else ("grant", self._draft.grants)
        index = next(at for at, item in enumerate(items) if item is rule)
        return self._draft.file, self._draft.lines.at(kind, index, key) if key else self._draft.lines.at(kind, index)

    def _error(self, rule: Rule | Grant, key: str, text: str, hint: str) -> None:
        self._findings.error(*self._at(rule, key), text, hint)

    def _warn(self, rule: Rule, text: str, hint: str) -> None:
        self._findings.warn(*self._at(rule, ""), text, hint)


def _span(point: Point) -> AddressRange:
    return AddressRange(point.address, point.last_address)


def _access(target: Target) -> Access:
    return Access(Intent.READ, target.table, target.span, target.file)
