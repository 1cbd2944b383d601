"""What a policy says of nodes, as values: identities, rules by node, bounds. Like `policy.rules`, made by `config`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from icsguard.core.decision import RuleState
from icsguard.core.method import Effect, Method
from icsguard.core.point import Point
from icsguard.policy.terms import Action, Rate, Window

ANONYMOUS = ""
"""The user of a session without a user; `anonymous` in policy files."""


class Argument(NamedTuple):
    """What one argument of a method may be."""

    place: int
    """Which argument, from 0."""
    minimum: float | None = None
    maximum: float | None = None
    allowed: tuple[float | str, ...] = ()
    """If not empty: only these values."""
    type: str = ""
    """Built-in type, `Double`; empty: any."""


@dataclass(frozen=True, slots=True)
class IdentityGroup:
    """Sessions that a policy names together. Every part that is written must match; an empty part matches all."""

    name: str
    clients: tuple[str, ...] = ()
    """Names of address groups."""
    applications: tuple[str, ...] = ()
    """ApplicationUris, as they stand in the client's certificate."""
    certificates: tuple[str, ...] = ()
    """SHA-256 of leaf certificates, hexadecimal."""
    users: tuple[str, ...] = ()
    """User names; ANONYMOUS for sessions without one."""
    mode: int = 1
    """Weakest MessageSecurityMode: 1 None, 2 Sign, 3 SignAndEncrypt."""


@dataclass(frozen=True, slots=True)
class NodeRule:
    """One line of who may do what to which node."""

    id: str
    clients: tuple[str, ...] = ()
    """Names of address groups and of identities; empty: everyone."""
    services: tuple[int, ...] = ()
    """Type ids of requests, presets already spelled out."""
    preset: str = ""
    """Name of the preset that was spelled out, for people."""
    nodes: tuple[str, ...] = ()
    """Full names, or beginnings of them that end in `*`."""
    subtrees: tuple[str, ...] = ()
    """Full names of roots: what hangs below them, as far as the address space is known."""
    points: tuple[str, ...] = ()
    """Names of points with a node."""
    methods: tuple[str, ...] = ()
    """Full names of the methods that may be called; only these can."""
    objects: tuple[str, ...] = ()
    """On which objects; empty: on all that have the method."""
    attributes: tuple[int, ...] = ()
    """Attribute ids; empty: all to read, the value alone to write."""
    arguments: tuple[Argument, ...] = ()
    """What the methods' arguments may be."""
    sets: tuple[Effect, ...] = ()
    """What a call of its methods does to points: limits and twin then hold for calls as for writes."""
    minimum: float | None = None
    """Smallest value that this rule lets through."""
    maximum: float | None = None
    index_range: bool = False
    """Parts of an array may be written."""
    stamped: bool = False
    """A client may write status and time with a value."""
    structures: bool = False
    """Values that are neither numbers nor texts may be written: they are not looked into."""
    rate: Rate | None = None
    hours: tuple[Window, ...] = ()
    action: Action = Action.ALLOW
    state: RuleState = RuleState.ENFORCE
    reply: int = 0
    """StatusCode of its refusals; 0 for the usual one of each kind."""
    technique: str = ""
    """ATT&CK for ICS technique id of a breach."""
    text: str = ""
    """Why it is there, one sentence."""
    pack: str = ""
    """Rule pack that it came with; empty for the site's own."""

    @property
    def is_placed(self) -> bool:
        """Say whether the rule names what it reaches."""
        return bool(self.nodes or self.subtrees or self.points or self.methods)


@dataclass(frozen=True, slots=True)
class UaLimits:
    """How much clients may ask for. Durations in milliseconds or seconds as named; 0: no floor."""

    sessions_per_client: int = 8
    """Of one address."""
    subscriptions: int = 16
    """Of one session."""
    items: int = 10_000
    """Monitored items of one subscription."""
    publishes: int = 32
    """Publish requests of one session that wait."""
    publishing_ms: float = 0.0
    """Shortest publishing interval; a wish for the fastest (0) counts as shorter than any floor."""
    sampling_ms: float = 0.0
    """Shortest sampling interval; -1 stands for the publishing interval."""
    queue: int = 10_000
    """Longest queue of one monitored item."""
    lifetime_s: int = 86_400
    """Longest life of a subscription without a Publish."""
    in_flight: int = 64
    """Requests of one session that may wait for the device, Publish apart."""
    nodes_per_call: int = 10_000
    """Items of one request."""
    continuation_points: int = 16
    """Unfinished browses of one session."""
    path_elements: int = 32
    """Steps of one browse path."""
    registered: int = 4_096
    """Nodes that one session has registered."""
    chunk: int = 65_536
    """Bytes of one chunk."""
    chunks: int = 64
    """Chunks of one message."""
    message: int = 4_194_304
    """Bytes of one message."""
    session_message: int = 65_536
    """Bytes of one message of discovery and session services, before anybody is known."""
    opens_per_minute: int = 60
    """OpenSecureChannel requests of one address."""


@dataclass(frozen=True, slots=True)
class NodePolicy:
    """Everything that a policy says of nodes. Groups, grants, defaults and the time zone are the policy's."""

    identities: tuple[IdentityGroup, ...] = ()
    rules: tuple[NodeRule, ...] = ()
    points: tuple[Point, ...] = ()
    """Every point with a node; those that live in registers too are also among the policy's own."""
    limits: UaLimits = field(default_factory=UaLimits)
    mode: int = 2
    """Weakest MessageSecurityMode of a session: 1 None, 2 Sign, 3 SignAndEncrypt."""
    security_policies: tuple[str, ...] = ()
    """URIs of the security policies that sessions may have; empty: every one that icsguard knows."""
    anonymous: bool = False
    """Sessions without a user are admitted."""
    passwords_unsecured: bool = False
    """Users may show a password on a channel without security."""

    def methods(self) -> tuple[Method, ...]:
        """Return what calls are declared to do, whichever rule says so and whoever calls."""
        return tuple(
            Method(method, rule.objects, rule.sets)
            for rule in self.rules
            if rule.sets and rule.state is not RuleState.OFF and rule.action is not Action.DENY
            for method in rule.methods
        )
