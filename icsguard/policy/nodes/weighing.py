"""May this client do this to this node? Deny rules, permits with hours and limits of their own, the point's limits."""

from __future__ import annotations

from dataclasses import replace
from typing import Final, NamedTuple

from icsguard.core.decision import Decision, Layer, RuleState
from icsguard.core.meaning import Intent, Meaning, NodeAccess, NodeChange
from icsguard.core.verdict import Reason
from icsguard.policy.case import Ground
from icsguard.policy.clients import Groups, shown
from icsguard.policy.nodes.cells import LOOKS, NodeCell, NodeLine, NodePass
from icsguard.policy.nodes.codes import reply_of
from icsguard.policy.nodes.effects import Effects, missing
from icsguard.policy.nodes.floor import refusal
from icsguard.policy.nodes.identity import Identity
from icsguard.policy.nodes.law import NodeLaw
from icsguard.policy.nodes.memory import NodeMemory, Number
from icsguard.policy.nodes.places import is_resolved, is_standard
from icsguard.policy.nodes.services import (
    HISTORY_UPDATE,
    LOOKING,
    NEVER,
    STANDARD_NODES,
    VALUE,
    WRITE,
    service_name,
)
from icsguard.policy.nodes.values import Moment, argument_breach, point_breaches, reason, rule_breach
from icsguard.policy.rules import Defaults
from icsguard.policy.techniques import FLOOD, IDENTIFY_POINTS, MODIFY_PARAMETER, ROGUE_CLIENT, UNAUTHORIZED_COMMAND
from icsguard.policy.terms import Action
from icsguard.policy.words import rate_text, window_text
from icsguard.protocols.opcua.describe import shown as escaped
from icsguard.protocols.opcua.services import SERVICES

NEVER_ON_SAFETY: Final = frozenset(
    {"interval", "step-too-large", "rate-of-change", "value-unknown", "rate-exceeded", "outside-hours", "held-by-rule"}
)
"""Breaches that say something of the moment: on a safety point they alert and never refuse."""
_VERBS: Final = {
    Intent.READ: "read",
    Intent.SUBSCRIBE: "subscribe to",
    Intent.BROWSE: "browse",
    Intent.WRITE: "write",
    Intent.EXECUTE: "call",
    Intent.ADMINISTER: "change the address space at",
}


class NodeCase(NamedTuple):
    """All that is known of one request."""

    identity: Identity
    groups: Groups
    meaning: Meaning
    cell: NodeCell
    memory: NodeMemory
    now: int

    @property
    def wall(self) -> int:
        """The wall clock, ns since the epoch."""
        return self.now + self.memory.wall_shift

    @property
    def who(self) -> str:
        """The client for a sentence, its own texts escaped."""
        named = [escaped(part) for part in (self.identity.user, shown(self.groups)) if part]
        return f"{self.identity.address} ({', '.join(named)})" if named else self.identity.address

    @property
    def service(self) -> str:
        """The service's name."""
        return service_name(self.meaning.function)


class Item(NamedTuple):
    """One of a request's nodes with what is done to it."""

    access: NodeAccess
    changes: list[NodeChange]
    before: dict[str, list[Number]]
    """What earlier items of the request put into declared points, by node."""


class Weighed(NamedTuple):
    """What the rules say of one item."""

    grounds: list[Ground]
    line: NodeLine | None = None
    """The rule that permits it, or that would but for what stands in the grounds."""
    rule: str = ""
    grant: NodePass | None = None


class Weigher:
    """Weighs one policy's rules and limits."""

    __slots__ = ("_defaults", "_effects", "_laws")

    def __init__(self, laws: dict[str, NodeLaw], defaults: Defaults, effects: Effects) -> None:
        self._laws, self._defaults, self._effects = laws, defaults, effects

    def service(self, case: NodeCase) -> list[Ground]:
        """Return what speaks against the service as a whole, whichever nodes it names."""
        number, cell = case.meaning.function, case.cell
        if number not in SERVICES or number in NEVER:
            text = f"{case.who} sends {case.service}, which is not looked into"
            return [self._default(refusal("service-unknown", text, _technique(case)))]
        if not cell.permits and not cell.passes:
            return [self._default(_not_permitted(case))]
        if cell.passes and case.meaning.nodes:
            return []
        denies = [line for line in cell.denies if not line.rule.is_placed and _is_open(line, case)]
        return [Ground(_denied(line, case, case.service), line.rule.state) for line in denies]

    def bare(self, case: NodeCase) -> Weighed:
        """Weigh a service that names no node: the first rule that is open permits it."""
        first = None
        for line in case.cell.permits:
            if _is_open(line, case):
                return Weighed(self._marks(line, case, None), line, line.rule.id)
            first = first or line
        if first is None:
            return Weighed([self._default(_not_permitted(case))])
        return Weighed([Ground(_shut(first, case), first.rule.state)], first, first.rule.id)

    def item(self, case: NodeCase, item: Item) -> Weighed:
        """Weigh one node of a request, the limits of its point included."""
        found = self._granted(case, item) or self._ruled(case, item)
        if item.access.intent is Intent.EXECUTE:
            return self._called(case, item, found)
        law = self._laws.get(item.access.node)
        if law is None or item.access.intent is not Intent.WRITE:
            return found
        state = self._state(found)
        grounds = [
            *found.grounds,
            *(Ground(_answered(one, found.line), state) for one in self._limits(case, item, law)),
        ]
        if law.is_safety:
            grounds = [eased(ground) for ground in grounds]
        return found._replace(grounds=grounds)

    def _called(self, case: NodeCase, item: Item, found: Weighed) -> Weighed:
        """Weigh what a call is declared to bring to points as writes of them."""
        grounds, state = list(found.grounds), self._state(found)
        for law, change in self._effects.of(item.access, item.changes):
            moment = Moment(case.memory, case.now, self._defaults.on_unknown, item.before.get(law.point.node, []))
            breaches = [missing(law)] if change is None else point_breaches(law, change, "", moment)
            held = [Ground(_answered(one, found.line), state) for one in breaches]
            grounds += [eased(ground) for ground in held] if law.is_safety else held
        return found._replace(grounds=grounds)

    def _state(self, found: Weighed) -> RuleState:
        return found.line.rule.state if found.line else RuleState.ENFORCE if found.grant else self._defaults.state

    def rate(self, line: NodeLine, case: NodeCase) -> Ground | None:
        """Take one request from the rule's bucket; a ground where it is empty."""
        rate = line.rule.rate
        if rate is None or case.memory.take(line.rule.id, case.identity.address, rate, case.now):
            return None
        text = f"{case.who} sends more than rule {line.rule.id} permits: {rate_text(rate)}"
        found = _of_rule(line, "rate-exceeded", text, FLOOD)
        return Ground(replace(found, layer=Layer.RESOURCES), line.rule.state)

    def _granted(self, case: NodeCase, item: Item) -> Weighed | None:
        for one in case.cell.passes:
            grant = one.given.grant
            if not one.given.holds(case.now, case.wall, case.memory.beside.uses(grant.id)):
                continue
            if one.covers(item.access) and not any(change.stamped for change in item.changes):
                return Weighed([], None, f"grant {grant.id}", one)
        return None

    def _ruled(self, case: NodeCase, item: Item) -> Weighed:
        access, tree = item.access, case.memory.tree
        grounds = [
            Ground(_denied(line, case, _named(access)), line.rule.state)
            for line in case.cell.denies
            if line.denies(access, tree) and _is_open(line, case)
        ]
        met: list[NodeLine] = []
        breach: Ground | None = None
        first: NodeLine | None = None
        for line in case.cell.permits:
            if not line.reaches(access, tree):
                continue
            found = self._breach(line, case, item)
            if found is None:
                met.append(line)
            elif breach is None:
                first, breach = line, Ground(found, line.rule.state)
        if met:
            for line in met:
                grounds += self._marks(line, case, access)
            return Weighed(grounds, met[0], met[0].rule.id)
        if first is not None and breach is not None:
            return Weighed([*grounds, breach], first, first.rule.id)
        if _is_own_description(case, access):
            return Weighed(grounds, None, "standard-nodes")
        return Weighed([*grounds, self._default(_unreached(case, access))])

    def _breach(self, line: NodeLine, case: NodeCase, item: Item) -> Reason | None:
        """Return why a rule that reaches the node does not permit this."""
        access = item.access
        if not _is_open(line, case):
            return _shut(line, case)
        if not line.takes(access):
            text = f"rule {line.rule.id} reaches {_named(access)}, but not its attribute {access.attribute}"
            return _of_rule(line, "attribute-not-permitted", text, _technique(case))
        found = None
        if access.intent is Intent.EXECUTE:
            found = argument_breach(line.rule, item.changes)
        elif access.intent is Intent.WRITE:
            breaches = (rule_breach(line.rule, change, access.index_range) for change in item.changes)
            found = next((breach for breach in breaches if breach), None)
        return None if found is None else _of_rule(line, found[0], _named(access) + found[1], MODIFY_PARAMETER)

    def _limits(self, case: NodeCase, item: Item, law: NodeLaw) -> list[Reason]:
        if case.meaning.function == HISTORY_UPDATE:
            text = f"{law.point.name}: its history is written in a way that does not show the value"
            return [reason("value-hidden", text, law)] if law.is_limited else []
        if case.meaning.function != WRITE or item.access.attribute != VALUE:
            return []
        before = item.before.get(item.access.node, [])
        moment = Moment(case.memory, case.now, self._defaults.on_unknown, before)
        return [
            found for change in item.changes for found in point_breaches(law, change, item.access.index_range, moment)
        ]

    def _marks(self, line: NodeLine, case: NodeCase, access: NodeAccess | None) -> list[Ground]:
        action, rule = line.rule.action, line.rule
        if action not in {Action.ALERT, Action.HOLD}:
            return []
        what = case.service if access is None else _named(access)
        code, told = ("held-by-rule", "lets a human approve") if action is Action.HOLD else ("alert-by-rule", "marks")
        text = rule.text or f"rule {rule.id} {told} each {case.service} of {what}"
        return [Ground(replace(_of_rule(line, code, text, _technique(case)), decision=action.decision), rule.state)]

    def _default(self, found: Reason) -> Ground:
        return Ground(found, self._defaults.state)


def eased(ground: Ground) -> Ground:
    """On safety points the moment never refuses: it alerts."""
    if ground.reason.code not in NEVER_ON_SAFETY:
        return ground
    return ground._replace(reason=replace(ground.reason, decision=min(ground.reason.decision, Decision.ALERT)))


def _is_open(line: NodeLine, case: NodeCase) -> bool:
    return line.hours is None or line.hours.is_open(case.wall)


def _is_own_description(case: NodeCase, access: NodeAccess) -> bool:
    """Say whether the client looks at what every server says of itself."""
    if case.meaning.function not in LOOKING or not case.cell.permits:
        return False
    if access.intent is Intent.BROWSE:
        return is_standard(access.node)
    if access.intent is Intent.READ and access.attribute != VALUE:
        return is_standard(access.node)
    return access.attribute == VALUE and access.node in STANDARD_NODES


def _named(access: NodeAccess) -> str:
    name = escaped(access.node)
    return f"{escaped(access.parent)} {name}" if access.parent else name


def _technique(case: NodeCase) -> str:
    if not case.groups:
        return ROGUE_CLIENT
    return IDENTIFY_POINTS if case.meaning.intent in LOOKS else UNAUTHORIZED_COMMAND


def _not_permitted(case: NodeCase) -> Reason:
    return refusal("service-not-permitted", f"no rule lets {case.who} use {case.service}", _technique(case))


def _unreached(case: NodeCase, access: NodeAccess) -> Reason:
    what, technique = _named(access), _technique(case)
    if access.intent is Intent.EXECUTE:
        return refusal("method-not-permitted", f"no rule lets {case.who} call {what}", technique)
    if not is_resolved(access.node):
        text = f"{what}: the namespace is not known by its URI, so no rule can name the node"
        return refusal("node-unresolved", text, technique)
    return refusal(
        "node-not-permitted", f"no rule lets {case.who} {_VERBS.get(access.intent, 'use')} {what}", technique
    )


def _denied(line: NodeLine, case: NodeCase, what: str) -> Reason:
    text = line.rule.text or f"rule {line.rule.id} denies {case.service} of {what} to {case.who}"
    return _of_rule(line, "denied-by-rule", text, _technique(case))


def _shut(line: NodeLine, case: NodeCase) -> Reason:
    windows = "; ".join(window_text(window) for window in line.rule.hours)
    text = f"rule {line.rule.id} permits {case.service} only {windows}"
    return _of_rule(line, "outside-hours", text, _technique(case))


def _of_rule(line: NodeLine, code: str, text: str, technique: str) -> Reason:
    rule = line.rule
    return Reason(
        Layer.POLICY,
        code,
        text,
        Decision.REFUSE,
        rule.id,
        rule.technique or technique,
        reply=rule.reply or reply_of(code),
    )


def _answered(found: Reason, line: NodeLine | None) -> Reason:
    """Give a refusal over a value the answer and the technique that the permitting rule asks for."""
    if line is None:
        return found
    rule = line.rule
    return replace(found, rule=rule.id, reply=rule.reply or found.reply, technique=rule.technique or found.technique)
