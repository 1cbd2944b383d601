"""Do the rules on nodes hold together: known names, rules that can take effect, none that contradict each other."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

from icsguard.config.node_file import NodeDraft, Path
from icsguard.config.policy_file import Draft, windows_overlap
from icsguard.config.problem import Findings, did_you_mean
from icsguard.core.decision import RuleState
from icsguard.core.point import Point
from icsguard.policy.nodes.law import BOOLEAN, NUMBERS
from icsguard.policy.nodes.places import ANY
from icsguard.policy.nodes.rules import NodeRule
from icsguard.policy.nodes.services import CALL, NAMED_ONLY, WRITE, service_name
from icsguard.policy.terms import Action

MAX_COMPARED = 2_000  # rules compared each with each; beyond, contradictions go untold: half a second's work


def check_nodes(draft: Draft, points: tuple[Point, ...], *, points_complete: bool, findings: Findings) -> None:
    """Note everything about nodes that does not fit together."""
    if draft.nodes is None:
        return
    checker = _Checker(draft, draft.nodes, points, findings, points_complete=points_complete)
    checker.names()
    for index, rule in enumerate(draft.nodes.rules):
        if not rule.pack:
            checker.rule(rule, index)
    checker.effects()
    checker.contradictions()


class _Checker:
    """The checks of one policy."""

    __slots__ = ("_complete", "_draft", "_findings", "_identities", "_nodes", "_points")

    def __init__(
        self,
        draft: Draft,
        nodes: NodeDraft,
        points: tuple[Point, ...],
        findings: Findings,
        *,
        points_complete: bool,
    ) -> None:
        self._draft, self._nodes, self._findings, self._complete = draft, nodes, findings, points_complete
        self._points = {point.name: point for point in points}
        self._identities = {group.name: group for group in nodes.identities}

    def names(self) -> None:
        """Every name means one thing, and every group that an identity names exists."""
        groups = {group.name for group in self._draft.groups}
        for name, identity in self._identities.items():
            at: Path = ("opcua", "identities", name)
            if name in groups or name == ANY:
                text = f"{name!r} is a client group already" if name in groups else "'*' stands for everyone"
                self._error(at, text, "give the identity another name")
            for client in identity.clients:
                if client not in groups:
                    self._error((*at, "clients"), f"unknown client group {client!r}", did_you_mean(client, groups))
        seen: dict[str, int] = {}
        for index, rule in enumerate(self._nodes.rules):
            if rule.id in seen or rule.id in self._draft.origins:
                self._error(
                    ("opcua", "rule", index), f"the id {rule.id!r} is used twice", "every record names one rule"
                )
            seen.setdefault(rule.id, index)

    def rule(self, rule: NodeRule, index: int) -> None:
        """The rule names what exists and can take effect."""
        at: Path = ("opcua", "rule", index)
        known = {*self._identities, *(group.name for group in self._draft.groups)}
        for client in rule.clients:
            if client not in known:
                text = f"unknown client group or identity {client!r}"
                self._error((*at, "clients"), text, did_you_mean(client, known))
        self._named_points(rule.points, (*at, "points"))
        self._named_points(tuple(effect.point for effect in rule.sets), (*at, "sets"))
        self._numbers(rule, at)
        self._effect(rule, at)

    def _named_points(self, names: tuple[str, ...], at: Path) -> None:
        for name in names:
            point = self._points.get(name)
            if point is None and self._complete:
                with_node = [one.name for one in self._points.values() if one.node]
                self._error(at, f"unknown point {name!r}", did_you_mean(name, with_node))
            elif point is not None and not point.node:
                self._error(at, f"the point {name!r} has no node", "write it in the point list's node column")

    def _numbers(self, rule: NodeRule, at: Path) -> None:
        """What a method sets must be something that limits and twin can judge."""
        for effect in rule.sets:
            kind = getattr(self._points.get(effect.point), "node_type", "")
            if kind and kind not in NUMBERS and kind != BOOLEAN:
                text = f"rule {rule.id!r}: the point {effect.point!r} is a {kind}, neither number nor switch"
                self._error((*at, "sets"), text, "leave it out: nothing could be judged")

    def effects(self) -> None:
        """A method does one thing, whoever calls it: two rules that declare it must agree."""
        declared: dict[str, list[NodeRule]] = {}
        for index, rule in enumerate(self._nodes.rules):
            for method in rule.methods if rule.sets and rule.state is not RuleState.OFF else ():
                others = declared.setdefault(method, [])
                other = next((one for one in others if _disagree(one, rule)), None)
                others.append(rule)
                if other is not None:
                    text = f"rules {other.id!r} and {rule.id!r} say different things of what {method} sets"
                    self._error(("opcua", "rule", index, "sets"), text, "declare it once: it holds for every caller")

    def _effect(self, rule: NodeRule, at: Path) -> None:
        if rule.methods and CALL not in rule.services:
            text = f"rule {rule.id!r} names methods, but not the service Call"
            self._error((*at, "methods"), text, 'add "Call" to its services')
        if rule.action is Action.DENY:
            return
        if set(rule.services) == {CALL} and not rule.methods:
            text = f"rule {rule.id!r} permits Call and names no methods: it calls nothing"
            self._error(at, text, "name the methods, one by one")
        places = rule.nodes or rule.subtrees or rule.points
        declared = any(point.node for point in self._points.values())
        if WRITE in rule.services and not places and not declared and self._complete:
            text = f"rule {rule.id!r} permits Write, but no point has a node and it names none: it writes nothing"
            self._warn(at, text, "name nodes, or give points a node")
        administers = sorted(NAMED_ONLY & set(rule.services) & _ADMINISTERS)
        if administers and not places:
            names = ", ".join(service_name(number) for number in administers)
            self._error(at, f"rule {rule.id!r} permits {names} everywhere", "name the nodes at which it may")
        if rule.stamped or rule.structures or rule.index_range:
            if WRITE not in rule.services:
                self._warn(at, f"rule {rule.id!r} speaks of how values are written, and permits no Write", "")
            elif any(name.endswith(f";{ANY}") for name in rule.nodes):
                text = f"rule {rule.id!r} opens a whole namespace to values that are not looked into"
                self._warn(at, text, "name the nodes that need it")

    def contradictions(self) -> None:
        """No two rules on the same nodes say different things of the same client."""
        live = [
            (index, rule)
            for index, rule in enumerate(self._nodes.rules)
            if rule.state is not RuleState.OFF and rule.action is not Action.DENY and not rule.pack
        ]
        if len(live) > MAX_COMPARED:
            return
        for (_, one), (later, other) in combinations(live, 2):
            if one.action is other.action or not windows_overlap(one.hours, other.hours):
                continue
            if self._meet(one, other) and _share_place(one, other):
                text = f"rules {one.id!r} ({one.action}) and {other.id!r} ({other.action}) speak of the same nodes"
                self._error(("opcua", "rule", later), text, "split nodes, clients or services until they part")

    def _meet(self, one: NodeRule, other: NodeRule) -> bool:
        """Say whether one client may be under both rules, as far as their names tell."""
        if not set(one.services) & set(other.services):
            return False
        return not one.clients or not other.clients or bool(set(one.clients) & set(other.clients))

    def _error(self, path: Path, text: str, hint: str) -> None:
        self._findings.error(self._draft.file, self._draft.lines.at(*path), text, hint)

    def _warn(self, path: Path, text: str, hint: str) -> None:
        self._findings.warn(self._draft.file, self._draft.lines.at(*path), text, hint)


_ADMINISTERS = frozenset(
    number for number in NAMED_ONLY if service_name(number).startswith(("Add", "Delete", "History"))
)


def _disagree(one: NodeRule, other: NodeRule) -> bool:
    """Say whether two rules declare different effects of a method on an object that both may name."""
    apart = one.objects and other.objects and not set(one.objects) & set(other.objects)
    return not apart and set(one.sets) != set(other.sets)


def _share_place(one: NodeRule, other: NodeRule) -> bool:
    """Say whether the same written place stands in both rules; places that overlap by chance are left to the judge."""
    parts: list[Callable[[NodeRule], tuple[str, ...]]] = [
        lambda rule: rule.nodes,
        lambda rule: rule.points,
        lambda rule: rule.subtrees,
        lambda rule: rule.methods,
    ]
    if not one.is_placed and not other.is_placed:
        return True
    return any(set(part(one)) & set(part(other)) for part in parts)
