"""Rules compiled: what each reaches, and which of them speak of one kind of request of one kind of client."""

from __future__ import annotations

from typing import Final

from icsguard.core.decision import Decision, RuleState
from icsguard.core.meaning import Intent, NodeAccess
from icsguard.core.verdict import Verdict
from icsguard.policy.cells import Pass
from icsguard.policy.clients import Groups
from icsguard.policy.nodes.places import NodeSet, is_resolved
from icsguard.policy.nodes.rules import NodePolicy, NodeRule
from icsguard.policy.nodes.services import VALUE
from icsguard.policy.nodes.tree import Tree
from icsguard.policy.rules import Policy
from icsguard.policy.terms import Action
from icsguard.policy.windows import FOREVER, Calendar, Hours

MAX_CELLS: Final = 4_096  # kinds of clients by services in use are far fewer; when full, it starts anew
LOOKS: Final = frozenset({Intent.READ, Intent.SUBSCRIBE, Intent.BROWSE})
OF_ATTRIBUTES: Final = frozenset({Intent.READ, Intent.SUBSCRIBE, Intent.WRITE})
"""What is done to one attribute; all else is done to the node itself."""
_REGISTER_WRITES: Final = frozenset({5, 6, 15, 16, 22, 23})
_REGISTER_READS: Final = frozenset({1, 2, 3, 4, 23})
"""Modbus functions that a grant may name (AP V1.1b3 §6): on nodes it gives reading or writing likewise."""


class NodeLine:
    """One rule, with what it reaches."""

    __slots__ = ("_declared", "_methods", "_objects", "_places", "hours", "is_plain", "quick", "rule")

    def __init__(self, rule: NodeRule, points: dict[str, str], calendar: Calendar, declared: frozenset[str]) -> None:
        self.rule = rule
        self.hours = Hours(rule.hours, calendar) if rule.hours else None
        self._places = NodeSet([*rule.nodes, *(points[name] for name in rule.points if name in points)], rule.subtrees)
        self._methods, self._objects = NodeSet(rule.methods), NodeSet(rule.objects)
        self._declared = declared
        """Every node of a point."""
        self.is_plain = rule.action is Action.ALLOW and not (rule.hours or rule.rate)
        """Say whether a look that it reaches is permitted without a further one."""
        self.quick = Verdict(Decision.ALLOW, Decision.ALLOW, cacheable_until=FOREVER, rule=rule.id)

    def reaches(self, access: NodeAccess, tree: Tree) -> bool:
        """Say whether the rule permits something of this node. Calls reach the methods that are named, and no other."""
        intent = access.intent
        if intent is Intent.EXECUTE:
            fits = self._methods.covers(access.node, tree)
            return fits and (not self._objects or self._objects.covers(access.parent, tree))
        if self._is_narrow:
            return self._places.covers(access.node, tree)
        return intent in LOOKS or (intent is Intent.WRITE and access.node in self._declared)

    def denies(self, access: NodeAccess, tree: Tree) -> bool:
        """Say whether a deny rule speaks of this node. One whose full name is not known may be any."""
        named = self._methods if access.intent is Intent.EXECUTE and self._methods else self._places
        if not named:
            return not self.rule.is_placed
        on = not self._objects or access.intent is not Intent.EXECUTE or self._objects.covers(access.parent, tree)
        return on and (named.covers(access.node, tree) or not is_resolved(access.node))

    def takes(self, access: NodeAccess) -> bool:
        """Say whether the rule speaks of this attribute: by default the value alone may be written."""
        if access.intent not in OF_ATTRIBUTES:
            return True
        if self.rule.attributes:
            return access.attribute in self.rule.attributes
        return access.intent is not Intent.WRITE or access.attribute == VALUE

    @property
    def _is_narrow(self) -> bool:
        rule = self.rule
        return bool(rule.nodes or rule.subtrees or rule.points)


class NodePass:
    """One grant whose points have nodes. It gives what its functions do on registers: reading, writing or both."""

    __slots__ = ("_nodes", "_reads", "_writes", "given")

    def __init__(self, given: Pass, points: dict[str, str]) -> None:
        functions = {service.function for service in given.grant.services}
        self.given = given
        self._nodes = frozenset(points[name] for name in given.grant.points if name in points)
        self._writes = not functions or bool(functions & _REGISTER_WRITES)
        self._reads = not functions or bool(functions & _REGISTER_READS)

    def covers(self, access: NodeAccess) -> bool:
        """Say whether the grant gives this access: values alone."""
        if access.node not in self._nodes or access.attribute != VALUE:
            return False
        if access.intent is Intent.WRITE:
            return self._writes and not access.index_range
        return self._reads and access.intent in {Intent.READ, Intent.SUBSCRIBE}


class NodeCell:
    """The lines that speak of one kind of request."""

    __slots__ = ("denies", "hours", "passes", "permits", "quick", "uncountable")

    def __init__(self, lines: list[NodeLine], passes: list[NodePass]) -> None:
        self.denies = [line for line in lines if line.rule.action is Action.DENY]
        permits = [line for line in lines if line.rule.action is not Action.DENY]
        self.permits = sorted(permits, key=lambda line: not line.is_plain)
        self.passes = passes
        self.hours = [line.hours for line in lines if line.hours is not None]
        self.uncountable = any(line.rule.rate for line in lines) or any(p.given.grant.max_uses for p in passes)
        """Say whether something is counted on each request: such verdicts are never cached."""
        plain = not self.denies and not passes and all(line.is_plain for line in permits)
        self.quick = self.permits if plain else []
        """If not empty: a look that one of these reaches has its `quick` verdict."""


class NodeCells:
    """All cells of one policy."""

    __slots__ = ("_by_service", "_cells", "_passes")

    def __init__(self, policy: Policy, nodes: NodePolicy) -> None:
        calendar = Calendar(policy.zone)
        points = {point.name: point.node for point in nodes.points}
        declared = frozenset(points.values())
        names = frozenset(group.name for group in policy.groups)
        self._cells: dict[tuple[Groups, int], NodeCell] = {}
        self._passes = [NodePass(Pass(grant, names), points) for grant in policy.grants]
        self._by_service: dict[int, list[NodeLine]] = {}
        for rule in nodes.rules:
            if rule.state is RuleState.OFF:
                continue
            line = NodeLine(rule, points, calendar, declared)
            for service in rule.services:
                self._by_service.setdefault(service, []).append(line)

    def cell(self, groups: Groups, service: int) -> NodeCell:
        """Return the cell of one kind of request; bounded by MAX_CELLS."""
        found = self._cells.get((groups, service))
        if found is None:
            if len(self._cells) >= MAX_CELLS:
                self._cells.clear()
            lines = [
                line
                for line in self._by_service.get(service, ())
                if not line.rule.clients or not groups.isdisjoint(line.rule.clients)
            ]
            passes = [given for given in self._passes if given.given.group in groups]
            found = self._cells[groups, service] = NodeCell(lines, passes)
        return found

    def speaks_of(self, groups: Groups) -> bool:
        """Say whether any rule permits anything to such a client, or a grant speaks of it."""
        if any(given.given.group in groups for given in self._passes):
            return True
        return any(
            line.rule.action is not Action.DENY and (not line.rule.clients or not groups.isdisjoint(line.rule.clients))
            for lines in self._by_service.values()
            for line in lines
        )
