"""The shape of icsguard.toml: every key with its type, bounds, default and a sentence for the reference page.

pydantic models, so that an editor gets a JSON schema and the operator every error at once. They are read by `load`
and go no further: what leaves `config` are the frozen dataclasses of `settings`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from icsguard.config.endpoint import checked_endpoint
from icsguard.config.opcua_section import ConduitOpcuaSection
from icsguard.config.section import Section

Endpoint = Annotated[str, AfterValidator(checked_endpoint)]
PositiveInt = Annotated[int, Field(ge=1)]


class GatewaySection(Section):
    """The gateway as a whole."""

    name: str = Field(
        default="icsguard", description="Host name in records.", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$"
    )
    state: str = Field(
        default="/var/lib/icsguard", description="Folder of records, learned models and what operators changed."
    )
    run: str = Field(default="/run/icsguard", description="Folder of the sockets of the running gateway.")
    control_socket: str = Field(default="", description="Socket of the command line; default: `control.sock` in `run`.")
    operators: list[str] = Field(default=[], description="Unix users, and groups as `@name`, that may change things.")
    viewers: list[str] = Field(default=[], description="Unix users, and groups as `@name`, that may look.")


class IsolationSection(Section):
    """When a conduit cuts a client off by itself, and whom it never does."""

    auto: bool = Field(default=False, description="Act on isolations that detectors ask for; else only record them.")
    threshold: int = Field(default=3, ge=1, le=100, description="So many grave findings on one client within a minute.")
    seconds: int = Field(default=900, ge=1, le=604_800, description="How long, then released by itself.")
    never: list[str] = Field(
        default=[],
        description="Addresses, networks or client groups never isolated by themselves: the last operator station.",
    )


class ConduitSection(Section):
    """One listener that leads to one device."""

    listen: Endpoint = Field(description="Where clients connect: `0.0.0.0:502`, `[::]:502`.")
    device: Endpoint = Field(description="The device: `10.1.0.5:502`.")
    protocol: str = Field(
        default="modbus", description="Spoken by the device, `modbus` or `opcua`; never guessed from bytes."
    )
    downstream: Literal["tcp", "serial"] = Field(
        default="tcp", description="`serial` for a gateway to a serial line: unit 0 is then a broadcast."
    )
    mode: Literal["learn", "observe", "enforce"] = Field(
        default="observe",
        description="How far it acts on its decisions; what an operator set later by `icsguard mode` wins.",
    )
    policy: str = Field(default="", description="Policy file, beside this one; mode `enforce` needs one.")
    points: str = Field(default="", description="Point list (CSV), beside this one.")
    quirks: list[str] = Field(default=[], description="Checks relaxed because the device needs it; names below.")
    failure: Literal["policy_alone", "refuse"] = Field(
        default="policy_alone",
        description="What happens to a permitted write when the shadow gives no opinion in time.",
    )
    judge_deadline_ms: int = Field(
        default=20, ge=1, le=5_000, description="Longest wait of a write for the shadow's opinion."
    )
    device_timeout_ms: int = Field(
        default=1_000, ge=10, le=60_000, description="Longest wait for the device; then 0x0B."
    )
    connect_timeout_ms: int = Field(
        default=2_000, ge=10, le=60_000, description="Longest wait for a connection; then 0x0A."
    )
    idle_timeout_s: int = Field(
        default=3_600, ge=1, le=604_800, description="A client that sends nothing so long is closed."
    )
    incomplete_timeout_s: int = Field(default=10, ge=1, le=3_600, description="How old a half-received request may be.")
    max_clients: int = Field(
        default=64, ge=1, le=1_024, description="Connections at a time; one more is closed at once."
    )
    max_in_flight: int = Field(
        default=16, ge=1, le=256, description="Requests of a connection that may wait for the device."
    )
    links: int = Field(
        default=0,
        ge=0,
        le=16,
        description="Connections to the device that all clients share; 0: each client has one of its own.",
    )
    device_in_flight: int = Field(
        default=1, ge=1, le=16, description="Requests that one shared link carries at a time; the device must pipeline."
    )
    coalesce: bool = Field(
        default=False,
        description="On shared links: identical reads (functions 1 to 4) in flight at the same time are asked once.",
    )
    connect_delay_ms: int = Field(
        default=0, ge=0, le=60_000, description="Pause between a shared link's opening and its first request."
    )
    min_gap_ms: int = Field(
        default=0, ge=0, le=10_000, description="Least pause between two requests on a shared link."
    )
    max_pdu: int = Field(
        default=253, ge=8, le=253, description="Largest PDU that the device takes or sends; what needs more is refused."
    )
    framing: Literal["mbap", "rtu"] = Field(
        default="mbap", description="`rtu`: RTU frames over TCP towards the device, on shared links."
    )
    hold_ttl_s: int = Field(default=300, ge=1, le=86_400, description="How long a ticket waits for a human.")
    isolation: IsolationSection = IsolationSection()
    opcua: ConduitOpcuaSection | None = Field(
        default=None, description='How it stands between two channels, where `protocol` is "opcua".'
    )


class SyslogSection(Section):
    """Where records are shipped to: RFC 5424 over TCP with octet counting."""

    host: str = Field(description="Name or address of the syslog server.", min_length=1)
    port: int = Field(default=601, ge=1, le=65_535, description="Its TCP port.")
    facility: int = Field(default=13, ge=0, le=23, description="Syslog facility; 13 is log audit.")
    enterprise_id: PositiveInt = Field(default=32_473, description="Private enterprise number of the structured data.")
    spool_max_bytes: int = Field(
        default=16_777_216, ge=65_536, description="Kept while the server is away; the oldest go."
    )


class RecorderSection(Section):
    """What is written down and how much disk it may take."""

    path: str = Field(default="", description="File of records; default: `records/records.jsonl` in the state folder.")
    max_bytes: int = Field(default=67_108_864, ge=65_536, description="Size at which the file is rotated.")
    keep: int = Field(default=10, ge=1, le=10_000, description="Rotated files kept.")
    syslog: SyslogSection | None = Field(default=None, description="Ship records to a syslog server.")
    summary_every_s: int = Field(default=60, ge=1, le=86_400, description="Time between summaries.")
    journal_max_bytes: int = Field(
        default=1_073_741_824, ge=1_048_576, description="Traffic kept for `icsguard learn`."
    )


class ShadowSection(Section):
    """The twin and the models."""

    models: str = Field(default="", description="Folder of learned models; default: `models` in the state folder.")
    horizon_s: float = Field(default=60.0, gt=0, le=3_600, description="How far a write is rolled out in the twin.")
    score_every_s: float = Field(
        default=5.0, gt=0, le=3_600, description="Length of a flow window that the model scores."
    )
    alarms_per_day: float = Field(
        default=1.0, gt=0, le=1_000, description="False alarms that thresholds are calibrated to."
    )


class MainFile(Section):
    """icsguard.toml."""

    gateway: GatewaySection = GatewaySection()
    conduit: dict[str, ConduitSection] = Field(description="One table a conduit: `[conduit.plc1]`.", min_length=1)
    recorder: RecorderSection = RecorderSection()
    shadow: ShadowSection = ShadowSection()
