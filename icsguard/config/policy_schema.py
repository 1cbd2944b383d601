"""The shape of a policy file and of a rule pack, like `schema` for icsguard.toml."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from icsguard.config.node_schema import OpcuaSection
from icsguard.config.section import Section

State = Literal["off", "observe", "alert", "enforce"]
ReplyCode = Literal[1, 2, 3, 4, 6]
TECHNIQUE = r"^T[0-9]{4}$"


class DefaultsSection(Section):
    """What holds where no rule says otherwise."""

    state: Literal["observe", "alert", "enforce"] = Field(
        default="enforce", description="How far the default deny itself is trusted."
    )
    on_unknown: Literal["refuse", "limits_only"] = Field(
        default="refuse", description="A write whose step cannot be judged, as the present value is not known."
    )


class RuleSection(Section):
    """One line of who may do what."""

    id: str = Field(description="Unique name, stamped on records.", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
    clients: list[str] = Field(description='Names of client groups; `["*"]` for everyone.', min_length=1)
    units: list[int] = Field(
        default=[], description="Unit identifiers; default: every unit that points and rules declare."
    )
    preset: Literal["", "monitoring", "operator", "engineer"] = Field(
        default="", description="A ready set of functions."
    )
    functions: list[int | str] = Field(default=[], description='Function codes: `3`, `"8/0"`, `"43/14"`.')
    ranges: list[str] = Field(default=[], description='0-based, both ends included: `"holding 0..39"`, `"coil 5"`.')
    points: list[str] = Field(default=[], description="Names from the point list.")
    min: float | None = Field(default=None, description="Smallest value it lets through; engineering units on points.")
    max: float | None = Field(default=None, description="Largest value it lets through.")
    rate: str = Field(default="", description="Requests of one client: `10/s`, `6/min`, `100/h`, `3/20s`.")
    hours: str | list[str] = Field(default=[], description="When it holds: `Mon-Fri 06:00-18:00`, local time.")
    action: Literal["allow", "alert", "hold", "deny"] = Field(default="allow", description="What it does.")
    state: State = Field(
        default="enforce", description="How far it is trusted: a breach is passed over, recorded, enforced."
    )
    reply: ReplyCode | None = Field(default=None, description="Exception code of its refusals.")
    technique: str = Field(default="", description="ATT&CK for ICS technique of a breach.", pattern=r"^(T[0-9]{4})?$")
    text: str = Field(default="", description="Why it is there.", max_length=500)


class GrantSection(Section):
    """A permission with an end."""

    id: str = Field(description="Unique name.", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
    client: str = Field(description="Address, network or client group.")
    until: str | datetime = Field(description="When it ends, with time zone: `2026-11-21T18:00:00Z`.")
    since: str | datetime = Field(default="", description="Not before.")
    reason: str = Field(description="Why; it goes into every record of its use.", min_length=1, max_length=500)
    functions: list[int | str] = Field(
        default=[], description="Default: those that read and write its ranges and points."
    )
    preset: Literal["", "monitoring", "operator", "engineer"] = Field(
        default="", description="A ready set of functions."
    )
    units: list[int] = Field(default=[], description="Unit identifiers; default: every declared unit.")
    ranges: list[str] = Field(default=[], description="Like a rule's.")
    points: list[str] = Field(default=[], description="Like a rule's.")
    max_uses: int = Field(default=0, ge=0, description="Ends after so many requests; 0: only by time.")


class PolicyFile(Section):
    """A policy file."""

    timezone: str = Field(default="UTC", description="IANA name in which hours are written.")
    packs: list[str] = Field(
        default=[], description="Rule packs that come with icsguard: `modbus-baseline`, `opcua-baseline`."
    )
    defaults: DefaultsSection = DefaultsSection()
    clients: dict[str, list[str]] = Field(default={}, description="Client groups: name to addresses and networks.")
    rule: list[RuleSection] = Field(default=[], description="Rules; their order does not matter.")
    grant: list[GrantSection] = Field(default=[], description="Permissions with an end.")
    opcua: OpcuaSection | None = Field(default=None, description="Rules on nodes, where the device speaks OPC UA.")


class CaseSection(Section):
    """One test of a policy: a request and what must become of it."""

    name: str = Field(default="", description="What it shows.")
    client: str = Field(description="Address of the client.")
    request: str = Field(default="", description="In words: `write holding 100 = 65535 unit 17`.")
    hex: str = Field(default="", description="The whole ADU in hexadecimal digits, instead of words.")
    node: str = Field(default="", description="A request of OPC UA in words: `write plant_speed = 80`, `open session`.")
    user: str = Field(default="", description="Of OPC UA: the session's user; none is anonymous.")
    application: str = Field(default="", description="Of OPC UA: the client's ApplicationUri.")
    certificate: str = Field(default="", description="Of OPC UA: SHA-256 of the client's certificate.")
    security: Literal["None", "Sign", "SignAndEncrypt"] = Field(
        default="SignAndEncrypt", description="Of OPC UA: the channel's security."
    )
    status: str = Field(default="", description="Of OPC UA: StatusCode that the client gets, `BadOutOfRange`.")
    expect: Literal["allow", "alert", "hold", "refuse"] = Field(description="The decision.")
    reason: str = Field(default="", description="Code that must be among the reasons, e.g. `value-above-max`.")
    reply: ReplyCode | None = Field(default=None, description="Exception code that the client gets.")
    rule: str = Field(default="", description="Rule or limit that must be named.")
    at: str | datetime = Field(
        default="", description="Wall-clock time of the request; default: 2026-01-05T12:00:00Z, a Monday."
    )
    present: dict[str, float] = Field(
        default={}, description="Values known before: point names, or places as in `holding 12`."
    )


class CasesFile(Section):
    """A file of `icsguard policy test`."""

    case: list[CaseSection] = Field(description="The tests.", min_length=1)


class PackFile(Section):
    """A rule pack: rules for every site, each with its own tests."""

    pack: str = Field(description="Its name.")
    version: str = Field(description="Its version.")
    text: str = Field(description="What it is for.")
    rule: list[RuleSection] = Field(default=[], description="Its rules on registers.")
    opcua: OpcuaSection | None = Field(default=None, description="Its rules on nodes.")
    case: list[CaseSection] = Field(description="At least one test a rule.", min_length=1)
