"""The shape of `[opcua]` in a policy file: who is who, which nodes, which methods, how much."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from icsguard.config.section import Section
from icsguard.policy.nodes.rules import UaLimits

_DEFAULT = UaLimits()
ID = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
SecurityName = Literal["None", "Sign", "SignAndEncrypt"]


class LimitsSection(Section):
    """How much clients may ask for; what is above is refused, or revised where OPC UA knows revised values."""

    sessions_per_client: int = Field(
        default=_DEFAULT.sessions_per_client, ge=1, le=256, description="Sessions of one address."
    )
    subscriptions: int = Field(default=_DEFAULT.subscriptions, ge=0, le=1_024, description="Of one session.")
    items: int = Field(default=_DEFAULT.items, ge=0, le=100_000, description="Monitored items of one subscription.")
    publishes: int = Field(
        default=_DEFAULT.publishes, ge=1, le=1_024, description="Publish requests of one session that wait."
    )
    publishing_ms: float = Field(
        default=_DEFAULT.publishing_ms, ge=0, le=3_600_000, description="Shortest publishing interval; 0: no floor."
    )
    sampling_ms: float = Field(
        default=_DEFAULT.sampling_ms, ge=0, le=3_600_000, description="Shortest sampling interval; 0: no floor."
    )
    queue: int = Field(default=_DEFAULT.queue, ge=1, le=1_000_000, description="Longest queue of one monitored item.")
    lifetime_s: int = Field(
        default=_DEFAULT.lifetime_s, ge=1, le=604_800, description="Longest life of a subscription without a Publish."
    )
    in_flight: int = Field(
        default=_DEFAULT.in_flight, ge=1, le=1_024, description="Requests of one session that wait for the server."
    )
    nodes_per_call: int = Field(
        default=_DEFAULT.nodes_per_call, ge=1, le=100_000, description="Items of one request of any service."
    )
    continuation_points: int = Field(
        default=_DEFAULT.continuation_points, ge=1, le=1_024, description="Unfinished browses of one session."
    )
    path_elements: int = Field(default=_DEFAULT.path_elements, ge=1, le=256, description="Steps of one browse path.")
    registered: int = Field(
        default=_DEFAULT.registered, ge=0, le=4_096, description="Nodes that one session has registered."
    )
    chunk: int = Field(default=_DEFAULT.chunk, ge=8_192, le=65_536, description="Bytes of one chunk.")
    chunks: int = Field(default=_DEFAULT.chunks, ge=1, le=1_024, description="Chunks of one message.")
    message: int = Field(
        default=_DEFAULT.message, ge=65_536, le=67_108_864, description="Bytes of one message of an activated session."
    )
    session_message: int = Field(
        default=_DEFAULT.session_message,
        ge=16_384,
        le=1_048_576,
        description="Bytes of one message before a session is activated.",
    )
    opens_per_minute: int = Field(
        default=_DEFAULT.opens_per_minute, ge=1, le=6_000, description="OpenSecureChannel requests of one address."
    )


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
