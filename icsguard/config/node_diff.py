"""What changes on nodes between two policies, in words: `diff` puts it beside what changes on registers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from enum import StrEnum
from typing import Final, NamedTuple

from icsguard.core.decision import RuleState
from icsguard.core.method import CONSTANT, Effect
from icsguard.policy.nodes.floor import MODES
from icsguard.policy.nodes.rules import Argument, IdentityGroup, NodePolicy, NodeRule, UaLimits
from icsguard.policy.nodes.services import ATTRIBUTES, service_name
from icsguard.policy.rules import Policy
from icsguard.policy.terms import Action
from icsguard.policy.words import rate_text, window_text

EVERYONE: Final = "everyone"
_NAMES: Final = {number: name for name, number in ATTRIBUTES.items()}
_MORE: Final = frozenset(field.name for field in fields(UaLimits)) - {"publishing_ms", "sampling_ms"}
"""Limits of which a larger one permits more; of the two floors a smaller one does."""


class Way(StrEnum):
    """Which way a change goes; the words of `diff.Effect`."""

    PERMITS = "permits"
    FORBIDS = "forbids"
    CHANGES = "changes"


class _Atom(NamedTuple):
    """One permission, or one denial."""

    who: str
    service: str
    where: str
    condition: str
    denies: bool


def node_differences(old: Policy, new: Policy) -> Iterator[tuple[Way, str]]:
    """Yield every change on nodes, as a way and a sentence."""
    one, other = old.opcua or NodePolicy(), new.opcua or NodePolicy()
    yield from _rules(one, other)
    yield from _identities(one, other)
    yield from _floor(one, other)
    yield from _limits(one.limits, other.limits)


def _rules(old: NodePolicy, new: NodePolicy) -> Iterator[tuple[Way, str]]:
    before, after = _atoms(old), _atoms(new)
    for atoms, gained in ((after - before, True), (before - after, False)):
        shares: dict[tuple[str, str, str, bool], list[str]] = {}
        for atom in atoms:
            shares.setdefault((atom.who, atom.where, atom.condition, atom.denies), []).append(atom.service)
        for (who, where, condition, denies), services in shares.items():
            use = f"use {', '.join(sorted(services))} on {where}{condition}"
            if denies:
                verb = "is denied to" if gained else "is no longer denied to"
                yield Way.FORBIDS if gained else Way.PERMITS, f"{who} {verb} {use}"
            else:
                verb = "may now" if gained else "may no longer"
                yield Way.PERMITS if gained else Way.FORBIDS, f"{who} {verb} {use}"


def _atoms(policy: NodePolicy) -> set[_Atom]:
    return {
        _Atom(who, service_name(service), where, _condition(rule), rule.action is Action.DENY)
        for rule in policy.rules
        if rule.state is not RuleState.OFF
        for who in rule.clients or (EVERYONE,)
        for service in rule.services
        for where in _places(rule, service_name(service))
    }


def _places(rule: NodeRule, service: str) -> list[str]:
    """Return what a rule reaches with a service, one text each."""
    if service == "Call":
        on = f" of {', '.join(rule.objects)}" if rule.objects else ""
        return [f"method {method}{on}" for method in rule.methods]
    found = [*rule.nodes, *rule.points, *(f"what is below {root}" for root in rule.subtrees)]
    if found:
        return found
    if service in {"Write", "HistoryUpdate"} and rule.action is not Action.DENY:
        return ["every declared point"]
    return ["every node"]


def _condition(rule: NodeRule) -> str:
    low, high = rule.minimum, rule.maximum
    marks = {Action.ALERT: "with an alert", Action.HOLD: "after approval"}
    states = {RuleState.OBSERVE: "breaches only recorded", RuleState.ALERT: "breaches only alerted"}
    parts = [
        marks.get(rule.action, ""),
        f"values from {low:g}" if low is not None else "",
        f"values to {high:g}" if high is not None else "",
        "attributes " + ", ".join(_NAMES[number] for number in rule.attributes) if rule.attributes else "",
        *map(_argument, rule.arguments),
        *map(_effect, rule.sets),
        "parts of arrays too" if rule.index_range else "",
        "with status and time" if rule.stamped else "",
        "structures too" if rule.structures else "",
        rate_text(rule.rate) if rule.rate else "",
        *map(window_text, rule.hours),
        states.get(rule.state, ""),
    ]
    told = ", ".join(part for part in parts if part)
    return f" ({told})" if told else ""


def _argument(law: Argument) -> str:
    ends = [
        f"from {law.minimum:g}" if law.minimum is not None else "",
        f"to {law.maximum:g}" if law.maximum is not None else "",
    ]
    listed = "|".join(map(str, law.allowed))
    told = " ".join(part for part in (law.type, *ends, listed) if part)
    return f"argument {law.place + 1}: {told or 'any'}"


def _effect(effect: Effect) -> str:
    by = f"{effect.value:g}" if effect.argument == CONSTANT else f"argument {effect.argument + 1}"
    return f"sets {effect.point} to {by}"


def _identities(old: NodePolicy, new: NodePolicy) -> Iterator[tuple[Way, str]]:
    before, after = ({one.name: one for one in policy.identities} for policy in (old, new))
    for name in sorted(after.keys() - before.keys()):
        yield Way.CHANGES, f"identity {name} is new: {_identity(after[name])}"
    for name in sorted(before.keys() - after.keys()):
        yield Way.CHANGES, f"identity {name} is gone"
    for name in sorted(before.keys() & after.keys()):
        if before[name] != after[name]:
            yield Way.CHANGES, f"identity {name}: {_identity(before[name])} -> {_identity(after[name])}"


def _identity(group: IdentityGroup) -> str:
    users = tuple(user or "anonymous" for user in group.users)
    parts = (
        ("from", group.clients),
        ("as", group.applications),
        ("with certificate", tuple(pin[:16] for pin in group.certificates)),
        ("user", users),
    )
    told = "; ".join(f"{word} {', '.join(values)}" for word, values in parts if values)
    return f"{told}; at least {MODES[group.mode]}" if group.mode > 1 else told


def _floor(old: NodePolicy, new: NodePolicy) -> Iterator[tuple[Way, str]]:
    if old.mode != new.mode:
        way = Way.PERMITS if new.mode < old.mode else Way.FORBIDS
        yield way, f"weakest security of a session: {MODES[old.mode]} -> {MODES[new.mode]}"
    if old.security_policies != new.security_policies:
        one, other = (_policies(policy) for policy in (old, new))
        yield Way.CHANGES, f"security policies of sessions: {one} -> {other}"
    for name, was, now in (
        ("sessions without a user", old.anonymous, new.anonymous),
        ("passwords on a channel without security", old.passwords_unsecured, new.passwords_unsecured),
    ):
        if was is not now:
            yield (Way.PERMITS if now else Way.FORBIDS), f"{name} are {'now' if now else 'no longer'} admitted"


def _policies(policy: NodePolicy) -> str:
    return ", ".join(uri.rpartition("#")[2] for uri in policy.security_policies) or "all"


def _limits(old: UaLimits, new: UaLimits) -> Iterator[tuple[Way, str]]:
    for field in fields(UaLimits):
        was, now = getattr(old, field.name), getattr(new, field.name)
        if was != now:
            more = (now > was) is (field.name in _MORE)
            yield Way.PERMITS if more else Way.FORBIDS, f"limit {field.name}: {was:g} -> {now:g}"
