"""The options in force, checked and frozen: what the three processes start from and a reload replaces.

Standard library only: the gateway imports this module and nothing else of `config`. `load` is the only maker of these
values outside tests; they cross process borders by msgspec.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from icsguard.core.decision import FailurePolicy, Mode
from icsguard.policy.rules import Policy


class Downstream(StrEnum):
    """What a conduit's device is."""

    TCP = "tcp"
    """A device of its own: unit identifiers 0 and 255 both mean the device itself."""
    SERIAL = "serial"
    """A gateway to a serial line: unit 0 is a broadcast that no device answers."""


class Framing(StrEnum):
    """How requests look on the way to the device."""

    MBAP = "mbap"
    """Modbus/TCP."""
    RTU = "rtu"
    """RTU frames over TCP, as serial servers take them; on shared links only."""


@dataclass(frozen=True, slots=True)
class GatewaySettings:
    """The gateway as a whole."""

    name: str = "icsguard"
    """Host name in records."""
    state_dir: str = "/var/lib/icsguard"
    run_dir: str = "/run/icsguard"
    control_socket: str = "/run/icsguard/control.sock"
    operators: tuple[str, ...] = ()
    """Unix users, and groups as `@name`, that may change things; root and the gateway's own user always may."""
    viewers: tuple[str, ...] = ()
    """Unix users, and groups as `@name`, that may look."""


@dataclass(frozen=True, slots=True)
class IsolationSettings:
    """When a conduit cuts a client off by itself, and whom it never does."""

    auto: bool = False
    """False: isolations asked by detectors are recorded, not done."""
    threshold: int = 3
    """So many grave findings on one client within a minute before it is cut off."""
    seconds: int = 900
    """How long, then released by itself."""
    never: tuple[str, ...] = ()
    """Addresses, networks or client groups that are never isolated by themselves."""


@dataclass(frozen=True, slots=True)
class UaSettings:
    """How a conduit of OPC UA stands between its two channels. Paths are absolute."""

    way: str = "terminate"
    """`terminate`: a channel of its own on each side; `passthrough`: the peers' own channel, watched."""
    on_deny: str = ""
    """`cut`: a denied request on a signed passthrough channel ends the connection; empty: nothing is enforced there."""
    on_mixed: str = "split"
    """What happens to a Write or Call of which only some items are denied: `split` or `refuse_all`."""
    client_security: tuple[tuple[str, int], ...] = ()
    """What clients are offered, best first: security policy URI and MessageSecurityMode (1 None, 2 Sign, 3 both)."""
    server_security: tuple[str, int] = ("http://opcfoundation.org/UA/SecurityPolicy#None", 1)
    """What the gateway opens towards the server."""
    url: str = ""
    """Endpoint URL that clients are told; empty: the one that they dialled."""
    device_url: str = ""
    """Endpoint URL of the server."""
    pki: str = ""
    """Folder of certificates, keys and trust lists."""
    own: str = "gateway"
    """Name of the certificate and key shown to clients."""
    upstream: str = ""
    """Name of those shown to the server; empty: the same."""
    upstream_of: tuple[tuple[str, str], ...] = ()
    """Client (ApplicationUri, or SHA-256 of its certificate) to the name shown to the server in its stead."""
    server_pin: str = ""
    """SHA-256 of the server's certificate; empty: the trust list decides."""
    handshake_timeout_s: int = 5
    """From the connection to the first activated channel."""
    incomplete_timeout_s: int = 5
    """How old an unfinished message may be."""
    token_lifetime_s: int = 3_600
    """Life of the keys of a channel, both sides."""
    clock_skew_s: int = 5
    """How far times of the server may lie from the gateway's; further ones are told, and do not count."""


@dataclass(frozen=True, slots=True)
class Conduit:
    """One listener that leads to one device (IEC 62443), with its mode and failure policy."""

    name: str
    listen_host: str
    listen_port: int
    device_host: str
    device_port: int
    protocol: str = "modbus"
    downstream: Downstream = Downstream.TCP
    mode: Mode = Mode.OBSERVE
    policy: Policy = field(default_factory=Policy)
    quirks: tuple[str, ...] = ()
    """Checks that are relaxed because the device needs it; names of facts in docs/reference/config.md."""
    failure: FailurePolicy = FailurePolicy.POLICY_ALONE
    judge_deadline_ms: int = 20
    """Longest wait of an allowed write for the shadow's opinion."""
    device_timeout_ms: int = 1_000
    """Longest wait for the device's answer; then 0x0B."""
    connect_timeout_ms: int = 2_000
    """Longest wait for a connection to the device; then 0x0A."""
    idle_timeout_s: int = 3_600
    """A client that sends nothing for so long is closed."""
    incomplete_timeout_s: int = 10
    """A half-received ADU may be this old."""
    max_clients: int = 64
    """Connections at a time; the next one is closed and recorded."""
    max_in_flight: int = 16
    """Requests of one client that may wait for the device; the next one is answered busy."""
    links: int = 0
    """Connections to the device that all clients share; 0: each client has its own."""
    device_in_flight: int = 1
    """Requests that one shared link carries at a time."""
    coalesce: bool = False
    """Identical reads in flight at the same time are asked once."""
    connect_delay_ms: int = 0
    """Pause between a shared link's opening and its first request."""
    min_gap_ms: int = 0
    """Least pause between two requests on a shared link."""
    max_pdu: int = 253
    """Largest PDU that the device takes or sends; what needs more is refused."""
    framing: Framing = Framing.MBAP
    """On the way to the device."""
    hold_ttl_s: int = 300
    """A ticket that no human answers closes by itself."""
    isolation: IsolationSettings = field(default_factory=IsolationSettings)
    opcua: UaSettings | None = None
    """Where `protocol` is "opcua"."""


@dataclass(frozen=True, slots=True)
class SyslogSettings:
    """Where records are shipped to: RFC 5424 over TCP with octet counting."""

    host: str
    port: int = 601
    facility: int = 13
    """13: log audit."""
    enterprise_id: int = 32_473
    """Private enterprise number of the structured data; 32473 is the one for documentation (RFC 5612)."""
    spool_max_bytes: int = 16_777_216
    """Records kept while the server is away; the oldest go first, the loss is marked."""


@dataclass(frozen=True, slots=True)
class RecorderSettings:
    """What is written down and how much disk it may take."""

    path: str = "/var/lib/icsguard/records/records.jsonl"
    max_bytes: int = 67_108_864
    """Size of one file of records before it is rotated."""
    keep: int = 10
    """Rotated files kept."""
    syslog: SyslogSettings | None = None
    summary_every_s: int = 60
    journal_max_bytes: int = 1_073_741_824
    """Traffic of a conduit in learn mode kept for `icsguard learn`; then learning stops and says so."""


@dataclass(frozen=True, slots=True)
class ShadowSettings:
    """The twin and the models."""

    models_dir: str = "/var/lib/icsguard/models"
    """One folder a conduit: what `icsguard learn` fitted."""
    horizon_s: float = 60.0
    """How far a write is rolled out."""
    score_every_s: float = 5.0
    """Length of a flow window that the flow model scores."""
    alarms_per_day: float = 1.0
    """False alarms that a conduit's thresholds are calibrated to."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that icsguard.toml and the files it names say."""

    gateway: GatewaySettings
    conduits: tuple[Conduit, ...]
    recorder: RecorderSettings = field(default_factory=RecorderSettings)
    shadow: ShadowSettings = field(default_factory=ShadowSettings)
    digest: str = ""
    """SHA-256 of all the rest, hex: two equal digests behave alike."""
    source: str = ""
    """Path of the main file."""

    def conduit(self, name: str) -> Conduit:
        """Return the conduit of that name; raises KeyError where there is none."""
        for conduit in self.conduits:
            if conduit.name == name:
                return conduit
        raise KeyError(name)
