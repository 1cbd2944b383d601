"""`icsguard policy diff` in words: what becomes permitted, what becomes forbidden, what changes its conditions.

Not lines are compared but what they mean: a rule that is split, renamed or moved and permits the same is no difference.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Final, NamedTuple

from icsguard.config.node_diff import node_differences
from icsguard.core.clock import SECOND
from icsguard.core.decision import RuleState
from icsguard.core.ids import MAX_ADDRESS, AddressRange
from icsguard.core.meaning import Table
from icsguard.core.point import Limits, Point
from icsguard.policy.grants import DATA_FUNCTIONS
from icsguard.policy.rules import Action, Grant, Policy, Rule, Service, Target
from icsguard.policy.spans import Spans
from icsguard.policy.words import rate_text, reach_text, services_text, target_text, values_text, window_text

_TABLES: Final = {function: table for table, functions in DATA_FUNCTIONS.items() for function in functions}
_WRITES: Final = frozenset({5, 6, 15, 16, 21, 22, 23})
_EVERYONE: Final = "everyone"
_DENIED: Final = "denied"


class Effect(StrEnum):
    """Which way a change goes."""

    PERMITS = "permits"
    """More is permitted than before."""
    FORBIDS = "forbids"
    """Less is permitted than before."""
    CHANGES = "changes"
    """Neither plainly more nor plainly less."""


@dataclass(frozen=True, slots=True, order=True)
class Difference:
    """One change, as a sentence."""

    effect: Effect
    text: str


class _Atom(NamedTuple):
    """One permission whose reach is a set of addresses."""

    network: str
    unit: int
    service: Service
    condition: str
    """Rate, hours, own limits, action and state in words: permissions with other conditions are others."""


def differences(old: Policy, new: Policy) -> tuple[Difference, ...]:
    """Return every change from `old` to `new`, permissions first."""
    found = [*_permissions(old, new), *_points(old, new), *_grants(old, new), *_rest(old, new)]
    found += [Difference(Effect(way.value), text) for way, text in node_differences(old, new)]
    order = list(Effect)
    return tuple(sorted(set(found), key=lambda d: (order.index(d.effect), d.text)))


class _Share(NamedTuple):
    """What one client gains or loses at once."""

    network: str
    unit: int
    services: tuple[Service, ...]
    places: tuple[str, ...]


def _permissions(old: Policy, new: Policy) -> Iterator[Difference]:
    before, after = _atoms(old), _atoms(new)
    gained, lost = _surplus(after, before), _surplus(before, after)
    for share in sorted(gained.keys() & lost.keys()):
        change = f"{gained.pop(share) or ' (always)'}, before{lost.pop(share) or ' (always)'}"
        yield Difference(Effect.CHANGES, f"{share.network} may {_use(share)}{change}")
    for share, condition in gained.items():
        if _DENIED in condition:
            yield Difference(Effect.FORBIDS, f"{share.network} is denied to {_use(share)}, whatever else permits it")
        else:
            yield Difference(Effect.PERMITS, f"{share.network} may now {_use(share)}{condition}")
    for share, condition in lost.items():
        if _DENIED in condition:
            yield Difference(Effect.PERMITS, f"{share.network} is no longer denied to {_use(share)}")
        else:
            yield Difference(Effect.FORBIDS, f"{share.network} may no longer {_use(share)}{condition}")


def _use(share: _Share) -> str:
    many = "s" if len(share.services) > 1 else ""
    where = f": {', '.join(share.places)}" if share.places else ""
    return f"use function{many} {services_text(share.services)} on unit {share.unit}{where}"


def _surplus(more: dict[_Atom, list[Target]], less: dict[_Atom, list[Target]]) -> dict[_Share, str]:
    """Return what `more` permits beyond `less`, functions of equal reach together, each with its condition."""
    alike: dict[tuple[str, int, str, tuple[str, ...], bool], list[Service]] = {}
    for atom, targets in more.items():
        gone = _minus(targets, less.get(atom, []))
        if gone or (not targets and atom not in less):
            places = tuple(map(_named, gone))
            key = (atom.network, atom.unit, atom.condition, places, atom.service.function in _WRITES)
            alike.setdefault(key, []).append(atom.service)
    return {
        _Share(network, unit, tuple(sorted(services)), places): condition
        for (network, unit, condition, places, _), services in alike.items()
    }


def _atoms(policy: Policy) -> dict[_Atom, list[Target]]:
    loose: dict[_Atom, list[Target]] = {}
    networks = {group.name: group.networks for group in policy.groups}
    units = {point.unit_id for point in policy.points} | {unit for rule in policy.rules for unit in rule.units}
    for rule in policy.rules:
        if rule.state is RuleState.OFF:
            continue
        who = [f"{network} ({name})" for name in rule.clients for network in networks.get(name, ())] or [_EVERYONE]
        condition = _condition(rule)
        for unit in rule.units or sorted(units):
            for service in rule.services:
                reach = _reach(rule, unit, service.function, policy.points)
                if not reach and service.function in _TABLES:
                    continue
                for network in who:
                    loose.setdefault(_Atom(network, unit, service, condition), []).extend(reach)
    return {atom: Spans(targets).targets() for atom, targets in loose.items()}


def _reach(rule: Rule, unit: int, function: int, points: tuple[Point, ...]) -> list[Target]:
    table = _TABLES.get(function)
    if table is None:
        return []
    mine = [point for point in points if point.unit_id == unit]
    if rule.targets or rule.points:
        named = [Target(p.table, AddressRange(p.address, p.last_address)) for p in mine if p.name in rule.points]
        return [target for target in (*rule.targets, *named) if target.table is table]
    if function in _WRITES and rule.action is not Action.DENY:
        return [Target(p.table, AddressRange(p.address, p.last_address)) for p in mine if p.table is table]
    return [Target(table, AddressRange(0, MAX_ADDRESS))]


def _condition(rule: Rule) -> str:
    parts = [
        {Action.ALLOW: "", Action.ALERT: "with an alert", Action.HOLD: "after approval", Action.DENY: _DENIED}[
            rule.action
        ],
        f"values {values_text(rule)}" if values_text(rule) else "",
        rate_text(rule.rate) if rule.rate else "",
        *map(window_text, rule.hours),
        "" if rule.state is RuleState.ENFORCE else f"breaches only {_STATES[rule.state]}",
    ]
    told = ", ".join(part for part in parts if part)
    return f" ({told})" if told else ""


_STATES: Final = {RuleState.OBSERVE: "recorded", RuleState.ALERT: "alerted", RuleState.OFF: "ignored"}


def _minus(targets: list[Target], taken: list[Target]) -> list[Target]:
    """Return what is in `targets` and not in `taken`; both are merged and ordered."""
    left: list[Target] = []
    for target in targets:
        at = target.span.first
        for other in taken:
            if (other.table, other.file) != (target.table, target.file) or other.span.last < at:
                continue
            if other.span.first > target.span.last:
                break
            if other.span.first > at:
                left.append(target._replace(span=AddressRange(at, other.span.first - 1)))
            at = other.span.last + 1
        if at <= target.span.last:
            left.append(target._replace(span=AddressRange(at, target.span.last)))
    return left


def _named(target: Target) -> str:
    whole = target.span == AddressRange(0, MAX_ADDRESS)
    return f"every {target.table.word}" if whole and target.table is not Table.FILE else target_text(target)


def _points(old: Policy, new: Policy) -> Iterator[Difference]:
    before, after = ({point.name: point for point in _every(policy)} for policy in (old, new))
    for name in sorted(before.keys() - after.keys()):
        yield Difference(Effect.CHANGES, f"point {name} is gone: its limits hold no longer")
    for name in sorted(after.keys() - before.keys()):
        yield Difference(Effect.CHANGES, f"point {name} is new")
    for name in sorted(before.keys() & after.keys()):
        yield from _limits(name, before[name].limits, after[name].limits, after[name].unit)
        one, other = before[name], after[name]
        for field in fields(Point):
            if field.name in {"name", "limits"} or getattr(one, field.name) == getattr(other, field.name):
                continue
            change = f"{getattr(one, field.name)} -> {getattr(other, field.name)}"
            yield Difference(Effect.CHANGES, f"point {name}: {field.name} {change}")


def _every(policy: Policy) -> tuple[Point, ...]:
    return (*policy.points, *(policy.opcua.points if policy.opcua else ()))


def _limits(name: str, old: Limits, new: Limits, unit: str) -> Iterator[Difference]:
    for word, was, now, wider_up in (
        ("minimum", old.minimum, new.minimum, False),
        ("maximum", old.maximum, new.maximum, True),
        ("largest step", old.max_step, new.max_step, True),
        ("largest rate", old.max_rate, new.max_rate, True),
    ):
        if was != now:
            wider = now is None or (was is not None and (now > was) is wider_up)
            effect = Effect.PERMITS if wider else Effect.FORBIDS
            yield Difference(effect, f"point {name}: {word} {_shown(was)} -> {_shown(now)} {unit}".rstrip())
    if old.min_interval_ns != new.min_interval_ns:
        effect = Effect.PERMITS if new.min_interval_ns < old.min_interval_ns else Effect.FORBIDS
        change = f"{old.min_interval_ns / SECOND:g} s -> {new.min_interval_ns / SECOND:g} s"
        yield Difference(effect, f"point {name}: shortest interval between writes {change}")
    if set(old.allowed) != set(new.allowed):
        one, other = _listed(old.allowed), _listed(new.allowed)
        wider = not new.allowed or (bool(old.allowed) and set(old.allowed) < set(new.allowed))
        narrower = not old.allowed or set(new.allowed) < set(old.allowed)
        effect = Effect.PERMITS if wider else Effect.FORBIDS if narrower else Effect.CHANGES
        yield Difference(effect, f"point {name}: allowed values {one} -> {other}")
    if old.writable_mask != new.writable_mask:
        yield Difference(
            Effect.CHANGES, f"point {name}: writable bits {_mask(old.writable_mask)} -> {_mask(new.writable_mask)}"
        )


def _grants(old: Policy, new: Policy) -> Iterator[Difference]:
    before, after = set(old.grants), set(new.grants)
    for effect, gone, word in ((Effect.PERMITS, after - before, "new"), (Effect.FORBIDS, before - after, "gone")):
        for grant in gone:
            yield Difference(effect, f"grant {grant.id} is {word}: {_grant_text(grant)}")


def _grant_text(grant: Grant) -> str:
    units = f"unit {', '.join(map(str, grant.units))}" if grant.units else "every declared unit"
    uses = f", at most {grant.max_uses} times" if grant.max_uses else ""
    return f"{grant.client}, functions {services_text(grant.services)} on {units}, {reach_text(grant)}{uses}"


def _rest(old: Policy, new: Policy) -> Iterator[Difference]:
    if old.defaults.state is not new.defaults.state:
        stronger = list(RuleState).index(new.defaults.state) > list(RuleState).index(old.defaults.state)
        effect = Effect.FORBIDS if stronger else Effect.PERMITS
        yield Difference(effect, f"what no rule permits: {old.defaults.state} -> {new.defaults.state}")
    if old.defaults.on_unknown is not new.defaults.on_unknown:
        text = f"writes from an unknown value: {old.defaults.on_unknown} -> {new.defaults.on_unknown}"
        yield Difference(Effect.CHANGES, text)
    if old.timezone != new.timezone:
        yield Difference(Effect.CHANGES, f"hours are read in {new.timezone}, not {old.timezone}")
    before = {rule.id: rule for rule in old.rules}
    for rule in new.rules:
        known = before.get(rule.id)
        if known is not None and known.reply != rule.reply:
            text = f"rule {rule.id}: its refusals answer {rule.reply or 'as usual'}, not {known.reply or 'as usual'}"
            yield Difference(Effect.CHANGES, text)


def _shown(value: float | None) -> str:
    return "none" if value is None else f"{value:g}"


def _listed(values: tuple[float, ...]) -> str:
    return "|".join(f"{value:g}" for value in sorted(values)) or "any"


def _mask(mask: int | None) -> str:
    return "all" if mask is None else f"0x{mask:04X}"
