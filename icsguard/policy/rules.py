"""What a policy says, as values: client groups, rules, grants and the points they speak of.

`config` writes these from TOML and CSV after checking them; `decide` compiles them. They cross process borders, so
every field survives msgspec.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from icsguard.core.decision import RuleState
from icsguard.core.ids import AddressRange
from icsguard.core.meaning import Table
from icsguard.core.point import Point
from icsguard.policy.nodes.rules import NodePolicy
from icsguard.policy.terms import Action, OnUnknown, Rate, Window

__all__ = [
    "Action",
    "ClientGroup",
    "Defaults",
    "Grant",
    "OnUnknown",
    "Policy",
    "Rate",
    "Rule",
    "Service",
    "Target",
    "Window",
    "ZoneShift",
]


class Service(NamedTuple):
    """A function with its sub-function. Equal to the protocol's own identifier of the same numbers."""

    function: int
    sub: int = -1
    """FC08 sub-function, FC43 MEI type, leading byte of a private function's body; -1 for none or any."""


class Target(NamedTuple):
    """A run of elements of one table, or of records of one file."""

    table: Table
    span: AddressRange
    file: int = 0


class ZoneShift(NamedTuple):
    """From this instant (ns since the epoch) local time is UTC plus so many seconds."""

    since: int
    offset_s: int


@dataclass(frozen=True, slots=True)
class ClientGroup:
    """Clients that a policy names together."""

    name: str
    networks: tuple[str, ...]
    """Addresses or networks in CIDR form, `10.0.0.21/32`."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of who may do what. An empty tuple of clients or units means all that the policy declares."""

    id: str
    clients: tuple[str, ...] = ()
    """Names of client groups; empty: every client, known or not."""
    units: tuple[int, ...] = ()
    services: tuple[Service, ...] = ()
    """Every function it speaks of, presets already spelled out."""
    preset: str = ""
    """Name of the preset that was spelled out, for people."""
    targets: tuple[Target, ...] = ()
    points: tuple[str, ...] = ()
    """Names of points. Without targets and points, reads reach every address and writes every declared point."""
    minimum: float | None = None
    """Smallest value that this rule lets through: engineering units on points, raw numbers elsewhere."""
    maximum: float | None = None
    rate: Rate | None = None
    hours: tuple[Window, ...] = ()
    action: Action = Action.ALLOW
    state: RuleState = RuleState.ENFORCE
    reply: int = 0
    """Exception code of its refusals (01, 02, 03, 04 or 06); 0 for the usual one of each kind."""
    technique: str = ""
    """ATT&CK for ICS technique id of a breach."""
    text: str = ""
    """Why it is there, one sentence."""
    pack: str = ""
    """Rule pack that it came with; empty for the site's own."""


@dataclass(frozen=True, slots=True)
class Grant:
    """A permission with an end. It outranks deny rules; the limits of points still hold."""

    id: str
    client: str
    """Address, network or name of a client group."""
    until: int
    """Wall clock, ns since the epoch, excluded. The steady clock ends it too, if that comes first."""
    reason: str
    services: tuple[Service, ...] = ()
    """Empty: the functions that read and write its targets and points."""
    units: tuple[int, ...] = ()
    targets: tuple[Target, ...] = ()
    points: tuple[str, ...] = ()
    max_uses: int = 0
    """How many requests it lets through; 0 for no such limit."""
    since: int = 0
    """Wall clock, ns since the epoch: not before."""


@dataclass(frozen=True, slots=True)
class Defaults:
    """What holds where no rule says otherwise."""

    state: RuleState = RuleState.ENFORCE
    """How far the default deny itself is trusted."""
    on_unknown: OnUnknown = OnUnknown.REFUSE


@dataclass(frozen=True, slots=True)
class Policy:
    """Everything that is permitted on one conduit. An empty one permits nothing."""

    digest: str = ""
    """SHA-256 of all other fields, hex: stamped on every decision."""
    groups: tuple[ClientGroup, ...] = ()
    points: tuple[Point, ...] = ()
    rules: tuple[Rule, ...] = ()
    grants: tuple[Grant, ...] = ()
    defaults: Defaults = field(default_factory=Defaults)
    timezone: str = "UTC"
    """IANA name in which hours are written, for people; `zone` is what counts."""
    zone: tuple[ZoneShift, ...] = ()
    """When local time shifts against UTC, in order; empty for UTC."""
    opcua: NodePolicy | None = None
    """Rules that name nodes; None where the file has none."""
    source: str = ""
    """File it was read from."""

    @property
    def rule_count(self) -> int:
        """How many rules it has, on registers and on nodes."""
        return len(self.rules) + (len(self.opcua.rules) if self.opcua is not None else 0)
