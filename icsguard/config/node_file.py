"""`[opcua]` of a policy file as the values of `policy.nodes.rules`; every fault with its line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Final, TypeVar

from icsguard.config.moments import parse_rate, parse_window
from icsguard.config.node_schema import ArgumentSection, IdentitySection, NodeRuleSection, OpcuaSection, SetsSection
from icsguard.config.problem import did_you_mean
from icsguard.core.decision import RuleState
from icsguard.core.method import CONSTANT, Effect
from icsguard.core.point import Point
from icsguard.policy.nodes.floor import MODES
from icsguard.policy.nodes.places import parse_node
from icsguard.policy.nodes.rules import ANONYMOUS, Argument, IdentityGroup, NodePolicy, NodeRule, UaLimits
from icsguard.policy.nodes.services import ATTRIBUTES, PRESETS, service_number
from icsguard.policy.terms import Action
from icsguard.protocols.opcua.builtin import TYPE_NAMES
from icsguard.protocols.opcua.security import DEPRECATED, POLICIES
from icsguard.protocols.opcua.status import STATUS

MODE_NUMBERS: Final = {name: number for number, name in MODES.items()}
POLICY_URIS: Final = {law.name: uri for uri, law in POLICIES.items()}
MAX_RULES: Final = 10_000  # rules of one policy; people review them
EVERYONE: Final = "*"
_PIN: Final = re.compile(r"[0-9a-f]{64}")
_SHORT: Final = re.compile(r"([A-Za-z][A-Za-z0-9_-]*):((?:[isgb]=|\*).*)", re.DOTALL)
Path = tuple[str | int, ...]
Fault = Callable[[Path, str, str], None]
Parsed = TypeVar("Parsed")


@dataclass(slots=True)
class NodeDraft:
    """What a policy file says of nodes, as far as it could be read."""

    identities: list[IdentityGroup] = field(default_factory=list)
    rules: list[NodeRule] = field(default_factory=list)
    limits: UaLimits = field(default_factory=UaLimits)
    mode: int = 2
    security_policies: tuple[str, ...] = ()
    anonymous: bool = False
    passwords_unsecured: bool = False

    def policy(self, points: Iterable[Point]) -> NodePolicy:
        """Return the policy with those of the points that have a node."""
        return NodePolicy(
            identities=tuple(self.identities),
            rules=tuple(self.rules),
            points=tuple(point for point in points if point.node),
            limits=self.limits,
            mode=self.mode,
            security_policies=self.security_policies,
            anonymous=self.anonymous,
            passwords_unsecured=self.passwords_unsecured,
        )


def read_nodes(section: OpcuaSection, fault: Fault, pack: str = "") -> NodeDraft:
    """Return what the section says; `fault(path, message, hint)` hears what is wrong with it."""
    reader = _Reader(section.namespaces, fault, pack)
    draft = NodeDraft(
        limits=UaLimits(**section.limits.model_dump()),
        mode=MODE_NUMBERS[section.security],
        security_policies=reader.security_policies(section.security_policies),
        anonymous=section.anonymous,
        passwords_unsecured=section.passwords_unsecured,
    )
    draft.identities = [reader.identity(name, one) for name, one in section.identities.items()]
    if len(section.rule) > MAX_RULES:
        fault(("opcua", "rule"), f"{len(section.rule)} rules, at most {MAX_RULES} are taken", "split the policy")
    draft.rules = [reader.rule(one, index) for index, one in enumerate(section.rule[:MAX_RULES])]
    return draft


def outranked(pack: Iterable[NodeRule], own: Iterable[NodeRule]) -> list[NodeRule]:
    """Return what is left of a pack's rules: what the site's own rules name, somebody decided for this plant."""
    mine = list(own)
    services = {one for rule in mine for one in rule.services if one not in PRESETS.get(rule.preset, ())}
    methods = {one for rule in mine for one in rule.methods}
    left = []
    for rule in pack:
        kept = tuple(one for one in rule.methods if one not in methods)
        if rule.methods and kept:
            left.append(replace(rule, methods=kept))
        elif not rule.methods and (rest := tuple(one for one in rule.services if one not in services)):
            left.append(replace(rule, services=rest))
    return left


class _Reader:
    """Turns sections into values."""

    __slots__ = ("_fault", "_namespaces", "_pack")

    def __init__(self, namespaces: dict[str, str], fault: Fault, pack: str) -> None:
        self._namespaces, self._fault, self._pack = namespaces, fault, pack
        for name, uri in namespaces.items():
            if not uri or not _SHORT.fullmatch(f"{name}:*"):
                fault(("opcua", "namespaces", name), f"{name!r} = {uri!r} names no namespace", 'plant = "urn:plant"')

    def security_policies(self, names: list[str]) -> tuple[str, ...]:
        """Return the URIs of named security policies."""
        known = set(POLICY_URIS)
        for name in names:
            if name not in known:
                weak = any(uri.endswith(f"#{name}") for uri in DEPRECATED)
                hint = "its algorithms are broken: take Basic256Sha256" if weak else did_you_mean(name, known)
                self._fault(("opcua", "security_policies"), f"no security policy {name!r} can be had", hint)
        return tuple(POLICY_URIS[name] for name in names if name in known)

    def identity(self, name: str, section: IdentitySection) -> IdentityGroup:
        """Return a group of identities."""
        at: Path = ("opcua", "identities", name)
        pins = [pin.lower().replace(":", "") for pin in section.certificates]
        for pin in pins:
            if not _PIN.fullmatch(pin):
                text = f"{pin!r} is no SHA-256 of a certificate: 64 hexadecimal digits"
                self._fault((*at, "certificates"), text, "icsguard pki show prints it")
        if not (section.clients or section.applications or pins or section.users):
            self._fault(at, f"the identity {name!r} says nothing: it would be everybody", "name users or applications")
        proven = 2 if pins or section.applications else 1  # without a signature a certificate proves nothing
        return IdentityGroup(
            name,
            tuple(section.clients),
            tuple(section.applications),
            tuple(pins),
            tuple(ANONYMOUS if user == "anonymous" else user for user in section.users),
            max(MODE_NUMBERS[section.security], proven),
        )

    def rule(self, section: NodeRuleSection, index: int) -> NodeRule:
        """Return a rule."""
        at: Path = ("opcua", "rule", index)
        hours = [section.hours] if isinstance(section.hours, str) else section.hours
        self._values(section, at)
        return NodeRule(
            id=section.id,
            clients=() if EVERYONE in section.clients else tuple(section.clients),
            services=self._services(section, at),
            preset=section.preset,
            nodes=self._nodes(section.nodes, (*at, "nodes"), pattern=True),
            subtrees=self._nodes(section.subtrees, (*at, "subtrees")),
            points=tuple(section.points),
            methods=self._nodes(section.methods, (*at, "methods")),
            objects=self._nodes(section.objects, (*at, "objects"), pattern=True),
            attributes=self._attributes(section.attributes, at),
            arguments=tuple(self._argument(one, section.id, (*at, "arguments")) for one in section.arguments),
            sets=tuple(self._effect(one, section.id, (*at, "sets")) for one in section.sets),
            minimum=section.min,
            maximum=section.max,
            index_range=section.index_range,
            stamped=section.stamped,
            structures=section.structures,
            rate=self._try((*at, "rate"), parse_rate, section.rate) if section.rate else None,
            hours=tuple(w for text in hours if (w := self._try((*at, "hours"), parse_window, text))),
            action=Action(section.action),
            state=RuleState(section.state),
            reply=self._reply(section.reply, at),
            technique=section.technique,
            text=section.text,
            pack=self._pack,
        )

    def _values(self, section: NodeRuleSection, at: Path) -> None:
        low, high = section.min, section.max
        if low is not None and high is not None and low > high:
            self._fault((*at, "min"), f"rule {section.id!r}: min {low:g} is above max {high:g}", "swap them")
        if section.action == "deny" and (
            low is not None or high is not None or section.rate or section.arguments or section.sets
        ):
            text = f"rule {section.id!r} denies: it takes no min, max, rate, arguments or sets"
            self._fault(at, text, "a limit belongs to the rule that permits")
        if section.action == "deny" and section.subtrees:
            text = f"rule {section.id!r} denies a subtree: what nobody has browsed yet would pass"
            self._fault((*at, "subtrees"), text, "deny by nodes, or permit only what is meant")
        if (section.objects or section.arguments or section.sets) and not section.methods:
            self._fault(at, f"rule {section.id!r} limits calls and names no methods", 'methods = ["plant:s=Start"]')

    def _services(self, section: NodeRuleSection, at: Path) -> tuple[int, ...]:
        found = set(PRESETS[section.preset]) if section.preset else set()
        for name in section.services:
            number = self._try((*at, "services"), service_number, name)
            if number is not None:
                found.add(number)
        if not (section.services or section.preset):
            hint = f"write preset = one of {', '.join(PRESETS)}, or services = ['Read']"
            self._fault(at, f"{section.id!r} names no service", hint)
        return tuple(sorted(found))

    def _nodes(self, texts: list[str], path: Path, *, pattern: bool = False) -> tuple[str, ...]:
        found = [self._try(path, lambda text: parse_node(self._whole(text), pattern=pattern), text) for text in texts]
        return tuple(name for name in found if name is not None)

    def _whole(self, text: str) -> str:
        """Return a node with its namespace's URI in place of the short name."""
        short = _SHORT.fullmatch(text)
        if short is None:
            return text
        uri = self._namespaces.get(short[1])
        if uri is None:
            known = ", ".join(sorted(self._namespaces)) or "none"
            raise ValueError(f"{text!r}: [opcua.namespaces] has no {short[1]!r} (known: {known})")
        return f"nsu={uri.replace('%', '%25').replace(';', '%3B')};{short[2]}"

    def _attributes(self, names: list[str], at: Path) -> tuple[int, ...]:
        for name in names:
            if name not in ATTRIBUTES:
                self._fault((*at, "attributes"), f"{name!r} is no attribute", did_you_mean(name, ATTRIBUTES))
        return tuple(sorted(ATTRIBUTES[name] for name in names if name in ATTRIBUTES))

    def _argument(self, section: ArgumentSection, rule: str, path: Path) -> Argument:
        if section.type and section.type not in TYPE_NAMES.values():
            text = f"{section.type!r} is no built-in type"
            self._fault(path, text, did_you_mean(section.type, TYPE_NAMES.values()))
        if section.min is not None and section.max is not None and section.min > section.max:
            self._fault(path, f"rule {rule!r}: min {section.min:g} is above max {section.max:g}", "swap them")
        return Argument(section.place, section.min, section.max, tuple(section.allowed), section.type)

    def _effect(self, section: SetsSection, rule: str, path: Path) -> Effect:
        if (section.argument is None) is (section.value is None):
            text = f"rule {rule!r}: {section.point!r} is set by an argument or to a value, by exactly one of them"
            self._fault(path, text, f'{{ point = "{section.point}", argument = 0 }}')
        argument = CONSTANT if section.argument is None else section.argument
        return Effect(section.point, argument, section.value or 0.0)

    def _reply(self, name: str, at: Path) -> int:
        if name and (name not in STATUS or not STATUS[name]):
            bad = [one for one in STATUS if one.startswith("Bad")]
            self._fault((*at, "reply"), f"{name!r} is no StatusCode of a refusal", did_you_mean(name, bad))
        return STATUS.get(name, 0)

    def _try(self, path: Path, parse: Callable[[str], Parsed], text: str) -> Parsed | None:
        try:
            return parse(text)
        except ValueError as error:
            self._fault(path, str(error), "")
            return None
