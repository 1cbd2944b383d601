"""What a policy says, as values: client groups, rules, grants and the points they speak of.

`config` writes these from TOML and CSV after checking them; `decide` compiles them. They cross process borders, so
every field survives msgspec.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from icsguard.core.decision import Decision, RuleState
from icsguard.core.ids import AddressRange
from icsguard.core.meaning import Table
from icsguard.core.point import Point


class Action(StrEnum):
    """What a rule asks for where it applies. Nothing is permitted that no rule permits."""

    ALLOW = "allow"
    ALERT = "alert"
    """Permit and raise an alert."""
    HOLD = "hold"
    """A human approves each one: answered busy at once, a ticket opens."""
    DENY = "deny"
    """Refuse, whatever other rules permit; names the reason and the technique."""

    @property
    def decision(self) -> Decision:
        """The decision that this action asks for."""
        return _DECISIONS[self]


_DECISIONS = {
    Action.ALLOW: Decision.ALLOW,
    Action.ALERT: Decision.ALERT,
    Action.HOLD: Decision.HOLD,
    Action.DENY: Decision.REFUSE,
}


class OnUnknown(StrEnum):
    """What happens to a write whose step or changed bits cannot be judged, as the present value is not known."""

    REFUSE = "refuse"
    """Not known, not permitted: the default."""
    LIMITS_ONLY = "limits_only"
    """Judge by minimum, maximum and allowed values alone; for points that no client ever reads."""


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


class Window(NamedTuple):
    """A weekly time window in the policy's time zone, whole minutes."""

    days: tuple[int, ...]
    """0 for Monday to 6 for Sunday; the day on which it opens."""
    start: int
    """Minute of the day, 0 to 1439."""
    end: int
    """Minute of the day, 1 to 1440, excluded; below `start` it closes on the next day."""


class Rate(NamedTuple):
    """A bucket of `burst` requests for each client, filled again in `period_ns`: `10/s` is 10 at once, 10 a second."""

    burst: int
    period_ns: int


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
    source: str = ""
    """File it was read from."""
