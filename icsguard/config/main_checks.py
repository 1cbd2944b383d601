"""Does icsguard.toml hold together: addresses, ports, quirks, and a policy wherever one is enforced."""

from __future__ import annotations

import re
from ipaddress import ip_network
from typing import Final, NamedTuple

from icsguard.config.endpoint import host_and_port
from icsguard.config.opcua_section import ConduitOpcuaSection, check_section
from icsguard.config.problem import Findings, did_you_mean
from icsguard.config.schema import ConduitSection, MainFile
from icsguard.config.toml_lines import Lines
from icsguard.core.decision import RuleState
from icsguard.policy.rules import Action, Policy
from icsguard.policy.units import UNIT_IGNORED
from icsguard.protocols.modbus.quirks import CLOSES_OLDEST, QUIRKS
from icsguard.protocols.registry import PROTOCOLS

OPCUA: Final = "opcua"
SPOKEN: Final = frozenset({*PROTOCOLS, OPCUA})
"""What a conduit may speak."""
MAX_CONDUITS: Final = 64  # listeners of one gateway process; more devices want a second gateway
_CONDUIT: Final = re.compile(r"[a-z][a-z0-9_-]{0,31}", re.ASCII)
_ANY: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared with, not bound
_SERIAL_UNITS: Final = 247
_NEEDS_LINKS: Final = {
    "device_in_flight": 1,
    "coalesce": False,
    "connect_delay_ms": 0,
    "min_gap_ms": 0,
    "framing": "mbap",
}
"""Keys without a meaning where no link is shared, and their defaults."""

_MODBUS_ONLY: Final = {
    **_NEEDS_LINKS,
    "downstream": "tcp",
    "quirks": [],
    "links": 0,
    "max_pdu": 253,
}
"""Keys that an OPC UA conduit does not have, and their defaults."""


class Place(NamedTuple):
    """The main file and where its keys stand."""

    file: str
    lines: Lines


def check_main(model: MainFile, policies: dict[str, Policy | None], place: Place, findings: Findings) -> None:
    """Note every fault of the main file that its shape alone does not show.

    The policy of a conduit is None where it could not be read as a whole: nothing is concluded from what it lacks.
    """
    if len(model.conduit) > MAX_CONDUITS:
        text = f"{len(model.conduit)} conduits, at most {MAX_CONDUITS} are taken"
        findings.error(place.file, place.lines.at("conduit"), text, "run a second gateway")
    checker = _Checker(place, findings)
    for name, section in model.conduit.items():
        policy = policies[name]
        checker.conduit(name, section, policy or Policy())
        if policy is not None:
            checker.against(name, section, policy)


class _Checker:
    """The checks of one file."""

    __slots__ = ("_findings", "_listeners", "_place")

    def __init__(self, place: Place, findings: Findings) -> None:
        self._place, self._findings = place, findings
        self._listeners: dict[int, list[tuple[str, str]]] = {}

    def conduit(self, name: str, section: ConduitSection, policy: Policy) -> None:
        """Check one conduit, also against those before it."""
        if not _CONDUIT.fullmatch(name):
            hint = "small letters, digits, - and _, a letter first, at most 32"
            self._fault((name,), f"{name!r} is no name for a conduit", hint)
        if section.protocol not in SPOKEN:
            self._fault(
                (name, "protocol"), f"unknown protocol {section.protocol!r}", did_you_mean(section.protocol, SPOKEN)
            )
        self._ends(name, section)
        if section.protocol == OPCUA:
            self._opcua(name, section, policy)
            return
        if section.opcua is not None:
            text = f"conduit {name!r} speaks {section.protocol}, so [conduit.{name}.opcua] means nothing"
            self._fault((name, "opcua"), text, 'write protocol = "opcua"')
        self._quirks(name, section, policy)
        self._links(name, section)
        if section.downstream == "serial":
            self._serial_units(name, policy)

    def against(self, name: str, section: ConduitSection, policy: Policy) -> None:
        """Check what needs the whole policy: its client groups, and whether it lets anything pass."""
        self._never(name, section, policy)
        permits = _permits_a_node(policy) if section.protocol == OPCUA else _permits_anything(policy)
        if section.mode == "enforce" and not (permits or policy.grants):
            text = f"conduit {name!r} enforces a policy without a permit: nothing at all would pass"
            self._fault((name, "mode"), text, f'begin with mode = "learn", then icsguard learn {name}')

    def _ends(self, name: str, section: ConduitSection) -> None:
        listen, device = host_and_port(section.listen), host_and_port(section.device)
        if listen == device or (listen[1] == device[1] and _is_own(listen[0], device[0])):
            self._fault(
                (name, "device"), f"conduit {name!r} leads to itself", "device is the PLC, listen is this machine"
            )
        for other, host in self._listeners.get(listen[1], []):
            if host == listen[0] or host in _ANY or listen[0] in _ANY:
                text = f"conduits {other!r} and {name!r} listen on the same port {listen[1]}"
                self._fault((name, "listen"), text, "give each its own port or address")
        self._listeners.setdefault(listen[1], []).append((name, listen[0]))

    def _opcua(self, name: str, section: ConduitSection, policy: Policy) -> None:
        for key, default in _MODBUS_ONLY.items():
            if getattr(section, key) != default:
                text = f"{key} is a matter of Modbus, and conduit {name!r} speaks OPC UA"
                self._fault((name, key), text, "leave it out")

        def fault(key: str, text: str, hint: str) -> None:
            path = (name, "opcua", key) if section.opcua is not None else (name, "protocol")
            self._fault(path, f"conduit {name!r}: {text}", hint)

        check_section(section.opcua or ConduitOpcuaSection(), section.mode, policy, fault)

    def _quirks(self, name: str, section: ConduitSection, policy: Policy) -> None:
        for quirk in section.quirks:
            if quirk not in QUIRKS:
                self._fault((name, "quirks"), f"unknown quirk {quirk!r}", did_you_mean(quirk, QUIRKS))
        units = {point.unit_id for point in policy.points} | {unit for rule in policy.rules for unit in rule.units}
        if UNIT_IGNORED in section.quirks and len(units) > 1:
            listed = ", ".join(str(unit) for unit in sorted(units))
            text = f"{UNIT_IGNORED} makes all units one device, but the policy speaks of units {listed}"
            self._fault((name, "quirks"), text, "declare one unit")

    def _links(self, name: str, section: ConduitSection) -> None:
        if section.links:
            return
        for key, default in _NEEDS_LINKS.items():
            if getattr(section, key) != default:
                text = f"{key} is for links that clients share, and each client of conduit {name!r} has its own"
                self._fault((name, key), text, "set links = 1 (or more)")
        if CLOSES_OLDEST in section.quirks:
            text = f"{CLOSES_OLDEST} is for links that clients share, and each client of conduit {name!r} has its own"
            self._fault((name, "quirks"), text, "set links = 1 (or more)")

    def _never(self, name: str, section: ConduitSection, policy: Policy) -> None:
        groups = {group.name for group in policy.groups}
        for text in section.isolation.never:
            if text in groups:
                continue
            try:
                ip_network(text)
            except ValueError:
                hint = did_you_mean(text, groups)
                self._fault((name, "isolation", "never"), f"{text!r} is no client group, address or network", hint)

    def _serial_units(self, name: str, policy: Policy) -> None:
        for point in policy.points:
            if not 1 <= point.unit_id <= _SERIAL_UNITS:
                text = f"point {point.name!r} is in unit {point.unit_id}; a serial line has units 1 to {_SERIAL_UNITS}"
                self._fault((name, "points"), text, "0 is the broadcast, 248 to 255 are reserved")

    def _fault(self, path: tuple[str, ...], text: str, hint: str) -> None:
        self._findings.error(self._place.file, self._place.lines.at("conduit", *path), text, hint)


def _permits_anything(policy: Policy) -> bool:
    return any(rule.action is not Action.DENY and rule.state is not RuleState.OFF for rule in policy.rules)


def _permits_a_node(policy: Policy) -> bool:
    rules = policy.opcua.rules if policy.opcua else ()
    return any(rule.action is not Action.DENY and rule.state is not RuleState.OFF for rule in rules)


def _is_own(listen: str, device: str) -> bool:
    return listen in _ANY and device in {"127.0.0.1", "::1", "localhost"}
