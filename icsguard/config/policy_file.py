"""A policy file, and the rule packs it names, as the values of `policy.rules`; every fault with its line.

Whether names and places fit together is looked at afterwards, in `policy_checks`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from ipaddress import ip_network
from typing import Final, NamedTuple, TypeVar

from icsguard.config.moments import parse_moment, parse_rate, parse_window, zone_shifts
from icsguard.config.node_file import NodeDraft, outranked, read_nodes
from icsguard.config.policy_schema import GrantSection, PackFile, PolicyFile, RuleSection
from icsguard.config.problem import Findings, did_you_mean
from icsguard.config.shape import read
from icsguard.config.toml_lines import Lines
from icsguard.core.decision import RuleState
from icsguard.core.point import Point
from icsguard.policy.grants import spelled_out
from icsguard.policy.nodes.rules import NodePolicy, NodeRule
from icsguard.policy.rules import (
    Action,
    ClientGroup,
    Defaults,
    Grant,
    OnUnknown,
    Policy,
    Rule,
    Service,
    Target,
    Window,
)
from icsguard.policy.words import parse_target
from icsguard.protocols.modbus.functions import PRESETS
from icsguard.protocols.modbus.services import DIAGNOSTICS, ENCAPSULATED, parse_service

EVERYONE: Final = "*"
PACK_FILES: Final = "shipped:"
"""Packs stand in the caller's files under this prefix: `shipped:modbus-baseline.toml`."""
MAX_RULES: Final = 10_000  # rules of one policy; people review them
MAX_UNIT: Final = 255
Parsed = TypeVar("Parsed")


@dataclass(slots=True)
class Draft:
    """A policy file as far as it could be read, and where its parts stand."""

    file: str
    groups: tuple[ClientGroup, ...] = ()
    rules: list[Rule] = field(default_factory=list)
    grants: list[Grant] = field(default_factory=list)
    defaults: Defaults = field(default_factory=Defaults)
    timezone: str = "UTC"
    lines: Lines = field(default_factory=lambda: Lines(""))
    complete: bool = True
    """False where the file's shape was broken: what depends on it is not judged."""
    faulty: set[tuple[str | int, ...]] = field(default_factory=set)
    """Rules and grants with faults of their own, as `("rule", 0)`: not compared with others."""
    origins: dict[str, tuple[str, int]] = field(default_factory=dict)
    """File and line of each rule and grant, by id."""
    nodes: NodeDraft | None = None
    """What stands under `[opcua]`."""

    def policy(self, every: tuple[Point, ...]) -> Policy:
        """Return the policy with these points; its digest is still open."""
        points = tuple(point for point in every if point.in_registers)
        return Policy(
            groups=self.groups,
            points=points,
            rules=tuple(self.rules),
            grants=tuple(spelled_out(grant, points) for grant in self.grants),
            defaults=self.defaults,
            timezone=self.timezone,
            zone=zone_shifts(self.timezone),
            opcua=self._nodes(every),
            source=self.file,
        )

    def _nodes(self, every: tuple[Point, ...]) -> NodePolicy | None:
        if self.nodes is None and not any(point.node for point in every):
            return None
        return (self.nodes or NodeDraft()).policy(every)


def read_policy(text: str, file: str, shipped: Mapping[str, str], findings: Findings) -> Draft:
    """Return what a policy file says; faults go to `findings`."""
    model, lines, complete = read(text, file, PolicyFile, findings)
    if model is None:
        return Draft(file, complete=False)
    reader = _Reader(file, lines, findings)
    draft = Draft(file, lines=lines, complete=complete)
    draft.groups = tuple(reader.group(name, networks) for name, networks in model.clients.items())
    draft.defaults = Defaults(RuleState(model.defaults.state), OnUnknown(model.defaults.on_unknown))
    draft.timezone = model.timezone if reader.zone(model.timezone) else "UTC"
    if len(model.rule) > MAX_RULES:
        findings.error(file, 0, f"the policy has {len(model.rule)} rules, at most {MAX_RULES} are taken", "split it")
    for index, section in enumerate(model.rule[:MAX_RULES]):
        rule = reader.rule(section, index)
        _add(draft, rule.id, lines.at("rule", index), findings)
        draft.rules.append(rule)
    for index, given in enumerate(model.grant):
        grant = reader.grant(given, index, {group.name for group in draft.groups})
        _add(draft, grant.id, lines.at("grant", index), findings)
        draft.grants.append(grant)
    if model.opcua is not None:
        draft.nodes = read_nodes(model.opcua, reader.fault)
    draft.faulty = reader.faulty
    named = {service for rule in draft.rules if not rule.preset for service in rule.services}
    own = tuple(draft.nodes.rules) if draft.nodes is not None else ()
    for index, name in enumerate(model.packs):
        pack = _pack(name, shipped, named, partial(reader.fault, ("packs", index)))
        draft.rules += pack.rules
        if pack.nodes:
            draft.nodes = draft.nodes or NodeDraft()
            draft.nodes.rules += outranked(pack.nodes, own)
    return draft


def _add(draft: Draft, name: str, line: int, findings: Findings) -> None:
    if name in draft.origins:
        at = draft.origins[name][1]
        findings.error(draft.file, line, f"the id {name!r} is used twice", f"the first one stands in line {at}")
    draft.origins.setdefault(name, (draft.file, line))


class Pack(NamedTuple):
    """What a rule pack holds."""

    rules: list[Rule]
    nodes: list[NodeRule]
    model: PackFile | None
    """None where it could not be read."""


def _pack(name: str, shipped: Mapping[str, str], named: set[Service], fault: Callable[[str, str], None]) -> Pack:
    file = f"{PACK_FILES}{name}.toml"
    if file not in shipped:
        packs = [key.removeprefix(PACK_FILES).removesuffix(".toml") for key in shipped if is_pack(shipped[key])]
        fault(f"there is no rule pack {name!r}", did_you_mean(name, packs))
        return Pack([], [], None)
    inner = Findings()
    pack = read_pack(shipped[file], file, inner)
    for problem in inner.all():
        fault(f"rule pack {name!r}, {problem}", "install icsguard again")
    # What the site's own rules name by number outranks a pack: someone decided it for this plant.
    thinned = [_without(rule, named) for rule in pack.rules]
    return pack._replace(rules=[rule for rule in thinned if rule.services])


def is_pack(text: str) -> bool:
    """Say whether a shipped file is a rule pack."""
    return "\npack = " in f"\n{text}"


def read_pack(text: str, file: str, findings: Findings) -> Pack:
    """Return what a pack holds; its model has its tests."""
    model, lines, _ = read(text, file, PackFile, findings)
    if model is None:
        return Pack([], [], None)
    reader = _Reader(file, lines, findings, pack=model.pack)
    rules = [reader.rule(section, index) for index, section in enumerate(model.rule)]
    nodes = [] if model.opcua is None else read_nodes(model.opcua, reader.fault, pack=model.pack).rules
    return Pack(rules, nodes, model)


def _without(rule: Rule, named: set[Service]) -> Rule:
    left = tuple(service for service in rule.services if service not in named)
    return rule if left == rule.services else replace(rule, services=left)


class _Reader:
    """Turns sections into values; remembers the file for its findings."""

    __slots__ = ("_file", "_findings", "_lines", "_pack", "faulty")

    def __init__(self, file: str, lines: Lines, findings: Findings, pack: str = "") -> None:
        self._file, self._lines, self._findings, self._pack = file, lines, findings, pack
        self.faulty: set[tuple[str | int, ...]] = set()

    def fault(self, path: tuple[str | int, ...], message: str, hint: str = "") -> None:
        """Note a fault at a key."""
        self.faulty.add(path[:2])
        self._findings.error(self._file, self._lines.at(*path), message, hint)

    def zone(self, name: str) -> bool:
        """Say whether the time zone is known; note it if not."""
        return self._try(("timezone",), zone_shifts, name) is not None

    def group(self, name: str, networks: list[str]) -> ClientGroup:
        """Return a client group; addresses become networks."""
        found = [self._try(("clients", name), _network, text) for text in networks]
        if name == EVERYONE:
            self.fault(("clients", name), "'*' stands for everyone and cannot be defined", "use another name")
        if not networks:
            self.fault(("clients", name), f"the group {name!r} has no addresses", 'write them: ["10.0.0.21"]')
        return ClientGroup(name, tuple(network for network in found if network))

    def rule(self, section: RuleSection, index: int) -> Rule:
        """Return a rule."""
        at: tuple[str | int, ...] = ("rule", index)
        hours = [section.hours] if isinstance(section.hours, str) else section.hours
        clients = () if EVERYONE in section.clients else tuple(section.clients)
        self._value_limits(section, at)
        return Rule(
            id=section.id,
            clients=clients,
            units=self._units(section.units, at),
            services=self._services(section.functions, section.preset, section.id, at),
            preset=section.preset,
            targets=self._targets(section.ranges, at),
            points=tuple(section.points),
            minimum=section.min,
            maximum=section.max,
            rate=self._try((*at, "rate"), parse_rate, section.rate) if section.rate else None,
            hours=tuple(w for text in hours if (w := self._try((*at, "hours"), parse_window, text))),
            action=Action(section.action),
            state=RuleState(section.state),
            reply=section.reply or 0,
            technique=section.technique,
            text=section.text,
            pack=self._pack,
        )

    def grant(self, section: GrantSection, index: int, groups: set[str]) -> Grant:
        """Return a grant."""
        at: tuple[str | int, ...] = ("grant", index)
        if not (section.functions or section.preset or section.ranges or section.points):
            self.fault(at, f"grant {section.id!r} gives nothing", "name points, ranges, functions or a preset")
        named = section.client in groups
        client = section.client if named else self._try((*at, "client"), _network_or_group, section.client) or ""
        services: tuple[Service, ...] = ()
        if section.functions or section.preset:
            services = self._services(section.functions, section.preset, section.id, at)
        since = self._try((*at, "since"), parse_moment, section.since) if section.since else 0
        until = self._try((*at, "until"), parse_moment, section.until) or 0
        if until and (since or 0) >= until:
            self.fault((*at, "until"), f"grant {section.id!r} ends before it begins", "put `until` after `since`")
        return Grant(
            id=section.id,
            client=client,
            until=until,
            reason=section.reason,
            services=services,
            units=self._units(section.units, at),
            targets=self._targets(section.ranges, at),
            points=tuple(section.points),
            max_uses=section.max_uses,
            since=since or 0,
        )

    def _value_limits(self, section: RuleSection, at: tuple[str | int, ...]) -> None:
        low, high = section.min, section.max
        if low is not None and high is not None and low > high:
            self.fault((*at, "min"), f"rule {section.id!r}: min {low:g} is above max {high:g}", "swap them")
        if section.action == "deny" and (low is not None or high is not None or section.rate):
            text = f"rule {section.id!r} denies: it takes no min, max or rate"
            self.fault(at, text, "a limit belongs to the rule that permits")

    def _units(self, units: list[int], at: tuple[str | int, ...]) -> tuple[int, ...]:
        for unit in units:
            if not 0 <= unit <= MAX_UNIT:
                self.fault((*at, "units"), f"{unit} is no unit identifier", "they are 0 to 255")
        return tuple(sorted({unit for unit in units if 0 <= unit <= MAX_UNIT}))

    def _services(
        self, functions: list[int | str], preset: str, name: str, at: tuple[str | int, ...]
    ) -> tuple[Service, ...]:
        found = {Service(*service) for service in PRESETS[preset]} if preset else set()
        for text in functions:
            service = self._try((*at, "functions"), _service, str(text))
            if service is not None:
                found.add(service)
        if not (functions or preset):
            hint = f"write preset = one of {', '.join(PRESETS)}, or functions = [3, 6]"
            self.fault(at, f"{name!r} names no function", hint)
        return tuple(sorted(found))

    def _targets(self, ranges: list[str], at: tuple[str | int, ...]) -> tuple[Target, ...]:
        found = [self._try((*at, "ranges"), parse_target, text) for text in ranges]
        return tuple(target for target in found if target is not None)

    def _try(self, path: tuple[str | int, ...], parse: Callable[..., Parsed], value: object) -> Parsed | None:
        try:
            return parse(value)
        except ValueError as error:
            self.fault(path, str(error))
            return None


def _service(text: str) -> Service:
    service = parse_service(text)
    if service.function in {DIAGNOSTICS, ENCAPSULATED} and service.sub < 0:
        example = f"{service.function}/0" if service.function == DIAGNOSTICS else f"{service.function}/14"
        raise ValueError(
            f"function {service.function} holds harmless and dangerous parts: name them, as in {example!r}"
        )
    return Service(*service)


def _network(text: str) -> str:
    try:
        return str(ip_network(text))
    except ValueError as error:
        raise ValueError(f"{text!r} is no address or network: write 10.0.0.21 or 10.1.0.0/24 ({error})") from error


def _network_or_group(text: str) -> str:
    try:
        return _network(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is no client group, address or network") from error


def windows_overlap(one: tuple[Window, ...], other: tuple[Window, ...]) -> bool:
    """Say whether two rules can hold at the same time."""
    if not one or not other:
        return True
    return any(_minutes(a) & _minutes(b) for a in one for b in other)


def _minutes(window: Window) -> set[int]:
    length = (window.end - window.start) % 1440 or 1440
    return {(day * 1440 + window.start + minute) % 10_080 for day in window.days for minute in range(length)}
