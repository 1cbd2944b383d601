"""The shape of `[opcua]` in a policy file: who is who, which nodes, which methods, how much."""

from __future__ import annotations

from typing import Literal, TypeVar

from pydantic import Field

from icsguard.config.section import Section
from icsguard.policy.nodes.rules import UaLimits

_DEFAULT = UaLimits()
ID = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
Number = TypeVar("Number", int, float)
SecurityName = Literal["None", "Sign", "SignAndEncrypt"]


def _limit(default: Number, least: int, most: int, what: str) -> Number:
    """Return a field for a number that has bounds."""
    field: Number = Field(default=default, ge=least, le=most, description=what)
    return field


class LimitsSection(Section):
    """How much clients may ask for; what is above is refused, or revised where OPC UA knows revised values."""

    sessions_per_client: int = _limit(_DEFAULT.sessions_per_client, 1, 256, "Sessions of one address.")
    subscriptions: int = _limit(_DEFAULT.subscriptions, 0, 1_024, "Of one session.")
    items: int = _limit(_DEFAULT.items, 0, 100_000, "Monitored items of one subscription.")
    publishes: int = _limit(_DEFAULT.publishes, 1, 1_024, "Publish requests of one session that wait.")
    publishing_ms: float = _limit(_DEFAULT.publishing_ms, 0, 3_600_000, "Shortest publishing interval; 0: no floor.")
    sampling_ms: float = _limit(_DEFAULT.sampling_ms, 0, 3_600_000, "Shortest sampling interval; 0: no floor.")
    queue: int = _limit(_DEFAULT.queue, 1, 1_000_000, "Longest queue of one monitored item.")
    lifetime_s: int = _limit(_DEFAULT.lifetime_s, 1, 604_800, "Longest life of a subscription without a Publish.")
    in_flight: int = _limit(_DEFAULT.in_flight, 1, 1_024, "Requests of one session that wait for the server.")
    nodes_per_call: int = _limit(_DEFAULT.nodes_per_call, 1, 100_000, "Items of one request of any service.")
    continuation_points: int = _limit(_DEFAULT.continuation_points, 1, 1_024, "Unfinished browses of one session.")
    path_elements: int = _limit(_DEFAULT.path_elements, 1, 256, "Steps of one browse path.")
    registered: int = _limit(_DEFAULT.registered, 0, 4_096, "Nodes that one session has registered.")
    chunk: int = _limit(_DEFAULT.chunk, 8_192, 65_536, "Bytes of one chunk.")
    chunks: int = _limit(_DEFAULT.chunks, 1, 1_024, "Chunks of one message.")
    message: int = _limit(_DEFAULT.message, 65_536, 67_108_864, "Bytes of one message of an activated session.")
    session_message: int = _limit(
        _DEFAULT.session_message, 16_384, 1_048_576, "Bytes of one message before a session is activated."
    )
    opens_per_minute: int = _limit(_DEFAULT.opens_per_minute, 1, 6_000, "OpenSecureChannel requests of one address.")


class IdentitySection(Section):
    """Sessions that rules name together, beside the groups of addresses. Every part that is written must match."""

    clients: list[str] = Field(default=[], description="Client groups: where it may come from.")
    applications: list[str] = Field(default=[], description="ApplicationUris, as they stand in client certificates.")
    certificates: list[str] = Field(default=[], description="SHA-256 of client certificates, 64 hexadecimal digits.")
    users: list[str] = Field(default=[], description="User names; `anonymous` for sessions without one.")
    security: SecurityName = Field(default="None", description="Weakest security of its channel.")


class ArgumentSection(Section):
    """What one argument of a rule's methods may be."""

    place: int = Field(ge=0, le=255, description="Which argument, from 0.")
    min: float | None = Field(default=None, description="Smallest value.")
    max: float | None = Field(default=None, description="Largest value.")
    allowed: list[float | str] = Field(default=[], description="Only these values.")
    type: str = Field(default="", description="Built-in type: `Double`.")


class SetsSection(Section):
    """What a call of a rule's methods does to one point: judged and tried in the twin like a write of it."""

    point: str = Field(description="Name from the point list, of a point with a node.")
    argument: int | None = Field(
        default=None, ge=0, le=255, description="Which argument carries the value, from 0, in the point's unit."
    )
    value: float | None = Field(default=None, description="Or: what the point always becomes.")


class NodeRuleSection(Section):
    """One line of who may do what to which nodes."""

    id: str = Field(description="Unique name, stamped on records.", pattern=ID)
    clients: list[str] = Field(
        description='Names of client groups and identities; `["*"]` for everyone who is admitted.', min_length=1
    )
    preset: Literal["", "monitoring", "operator"] = Field(default="", description="A ready set of services.")
    services: list[str] = Field(default=[], description="Services by name: `Read`, `Write`, `Call`.")
    nodes: list[str] = Field(
        default=[],
        description="`nsu=urn:plant;s=Pump.Speed`, `plant:s=Pump.*` with a name from `namespaces`, `i=2258`.",
    )
    subtrees: list[str] = Field(
        default=[], description="Roots: what Browse answers have shown below them. Unknown nodes stay shut."
    )
    points: list[str] = Field(default=[], description="Names from the point list, of points with a node.")
    methods: list[str] = Field(default=[], description="The methods that may be called; no other can.")
    objects: list[str] = Field(default=[], description="On which objects; default: on any that has the method.")
    attributes: list[str] = Field(
        default=[], description="Attributes by name; default: all to read, `Value` alone to write."
    )
    arguments: list[ArgumentSection] = Field(default=[], description="Limits on the methods' arguments.")
    sets: list[SetsSection] = Field(
        default=[], description='Points that the methods set: `{ point = "speed", argument = 0 }`.'
    )
    min: float | None = Field(default=None, description="Smallest value it lets through.")
    max: float | None = Field(default=None, description="Largest value it lets through.")
    index_range: bool = Field(default=False, description="Parts of arrays may be written.")
    stamped: bool = Field(default=False, description="Status and time may be written with a value.")
    structures: bool = Field(default=False, description="Structures may be written: they are not looked into.")
    rate: str = Field(default="", description="Requests of one address: `10/s`, `6/min`, `100/h`, `3/20s`.")
    hours: str | list[str] = Field(default=[], description="When it holds: `Mon-Fri 06:00-18:00`, local time.")
    action: Literal["allow", "alert", "hold", "deny"] = Field(default="allow", description="What it does.")
    state: Literal["off", "observe", "alert", "enforce"] = Field(
        default="enforce", description="How far it is trusted: a breach is passed over, recorded, enforced."
    )
    reply: str = Field(default="", description="StatusCode of its refusals: `BadUserAccessDenied`.")
    technique: str = Field(default="", description="ATT&CK for ICS technique of a breach.", pattern=r"^(T[0-9]{4})?$")
    text: str = Field(default="", description="Why it is there.", max_length=500)


class OpcuaSection(Section):
    """Who may do what on a server of OPC UA."""

    security: SecurityName = Field(
        default="Sign", description="Weakest security of a session's channel; discovery needs none."
    )
    security_policies: list[str] = Field(
        default=[], description="Security policies that sessions may have: `Basic256Sha256`; default: all known ones."
    )
    anonymous: bool = Field(default=False, description="Admit sessions without a user.")
    passwords_unsecured: bool = Field(
        default=False, description="Admit users who show their secret on a channel without security."
    )
    namespaces: dict[str, str] = Field(
        default={}, description="Short names of namespace URIs, for use in this file: `plant`."
    )
    limits: LimitsSection = LimitsSection()
    identities: dict[str, IdentitySection] = Field(default={}, description="Who is who: `[opcua.identities.NAME]`.")
    rule: list[NodeRuleSection] = Field(default=[], description="Rules; their order does not matter.")
