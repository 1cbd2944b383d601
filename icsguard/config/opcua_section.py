"""`[conduit.NAME.opcua]`: its shape, the options it becomes, and whether they hold together."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, Literal

from pydantic import Field

from icsguard.config.node_file import MODE_NUMBERS, POLICY_URIS
from icsguard.config.section import Section
from icsguard.config.settings import UaSettings
from icsguard.policy.nodes.floor import MODES
from icsguard.policy.rules import Policy
from icsguard.protocols.opcua.security import NONE

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
PIN: Final = re.compile(r"[0-9a-f]{64}")
MAX_URL: Final = 4_096
"""P6 §7.1.2.3: an endpoint URL is shorter."""
OFFERED: Final = tuple(f"{name}/SignAndEncrypt" for name in POLICY_URIS if name != NONE.name)
"""What clients are offered where nothing is written."""
Fault = Callable[[str, str, str], None]
Security = tuple[str, int]


class ConduitOpcuaSection(Section):
    """How a conduit stands between the channel of its clients and that of its server."""

    way: Literal["terminate", "passthrough"] = Field(
        default="terminate",
        description="`terminate`: a channel on each side, everything enforced; `passthrough`: the peers' own, watched.",
    )
    on_mixed: Literal["split", "refuse_all"] = Field(
        default="split", description="A Write or Call of which only some items are denied: the rest passes, or nothing."
    )
    on_deny: Literal["", "cut"] = Field(
        default="",
        description="`cut`: what is denied on a signed passthrough channel ends the connection; nothing else can.",
    )
    client_security: list[str] = Field(
        default=[],
        description="Offered to clients, best first: `Basic256Sha256/SignAndEncrypt`, `Basic256Sha256/Sign`, `None`; "
        "default: SignAndEncrypt of every known policy; on passthrough `None`.",
    )
    server_security: str = Field(
        default="Basic256Sha256/SignAndEncrypt", description="Opened towards the server; an old one may need `None`."
    )
    url: str = Field(default="", description="Endpoint URL that clients are told; default: the one that they dialled.")
    device_url: str = Field(default="", description="Endpoint URL of the server; default: `opc.tcp://DEVICE`.")
    pki: str = Field(default="", description="Folder of certificates and trust lists; default: `pki` in `state`.")
    own: str = Field(default="gateway", description="Name of the certificate shown to clients: `icsguard pki issue`.")
    upstream: str = Field(default="", description="Name of the one shown to the server; default: the same.")
    upstream_of: dict[str, str] = Field(
        default={},
        description="Client (ApplicationUri, or SHA-256 of its certificate) to a certificate of its own upstream.",
    )
    server_pin: str = Field(
        default="", description="SHA-256 of the server's certificate: `icsguard pki pin`; default: the trust list."
    )
    handshake_timeout_s: int = Field(default=5, ge=1, le=60, description="From connection to channel.")
    incomplete_timeout_s: int = Field(default=5, ge=1, le=60, description="How old an unfinished message may be.")
    token_lifetime_s: int = Field(default=3_600, ge=2, le=3_600, description="Life of a channel's keys.")
    clock_skew_s: int = Field(
        default=5, ge=1, le=86_400, description="How far the server's times may lie from ours; what is further is told."
    )


def ua_settings(section: ConduitOpcuaSection, device: str, beside: Callable[[str], str], state: str) -> UaSettings:
    """Return the options that a sound section means. `device`: host:port; `beside` makes paths absolute."""
    return UaSettings(
        way=section.way,
        on_deny=section.on_deny,
        on_mixed=section.on_mixed,
        client_security=tuple(parse_security(text) for text in _offered(section)),
        server_security=parse_security(section.server_security),
        url=section.url,
        device_url=section.device_url or f"opc.tcp://{device}",
        pki=beside(section.pki) if section.pki else f"{state}/pki",
        own=section.own,
        upstream=section.upstream,
        upstream_of=tuple(sorted(section.upstream_of.items())),
        server_pin=_pin(section.server_pin),
        handshake_timeout_s=section.handshake_timeout_s,
        incomplete_timeout_s=section.incomplete_timeout_s,
        token_lifetime_s=section.token_lifetime_s,
        clock_skew_s=section.clock_skew_s,
    )


def parse_security(text: str) -> Security:
    """Return policy URI and mode of `Basic256Sha256/Sign` or `None`; ValueError says what is wrong."""
    name, slash, mode = text.partition("/")
    if text == NONE.name:
        return NONE.uri, 1
    if not slash or name not in POLICY_URIS or name == NONE.name or mode not in {"Sign", "SignAndEncrypt"}:
        names = ", ".join(one for one in POLICY_URIS if one != NONE.name)
        raise ValueError(f"{text!r} is no security: write None, or POLICY/Sign or POLICY/SignAndEncrypt of {names}")
    return POLICY_URIS[name], MODE_NUMBERS[mode]


def check_section(section: ConduitOpcuaSection, mode: str, policy: Policy, fault: Fault) -> None:
    """Tell `fault(key, message, hint)` everything that does not hold together."""
    good = [_security(text, "client_security", fault) for text in _offered(section)]
    offered = [one for one in good if one is not None]
    _security(section.server_security, "server_security", fault)
    for key in ("url", "device_url"):
        url = getattr(section, key)
        if url and (not url.startswith("opc.tcp://") or len(url.encode()) >= MAX_URL):
            fault(key, f"{key} {url[:64]!r} is no endpoint URL", "opc.tcp://gateway.plant:4840/path")
    _names(section, fault)
    _floor(offered, policy, fault)
    _passthrough(section, mode, offered, policy, fault)


def _security(text: str, key: str, fault: Fault) -> Security | None:
    try:
        return parse_security(text)
    except ValueError as error:
        fault(key, str(error), "")
        return None


def _names(section: ConduitOpcuaSection, fault: Fault) -> None:
    for key, name in (("own", section.own), ("upstream", section.upstream), *_upstream_names(section)):
        if name and not NAME.fullmatch(name):
            fault(key, f"{name!r} is no name of a certificate", "letters, digits, - and _; a letter or digit first")
    if section.server_pin and not PIN.fullmatch(_pin(section.server_pin)):
        fault("server_pin", f"{section.server_pin[:80]!r} is no SHA-256 of a certificate", "icsguard pki pin prints it")


def _upstream_names(section: ConduitOpcuaSection) -> list[tuple[str, str]]:
    return [("upstream_of", name) for name in section.upstream_of.values()]


def _floor(offered: list[Security], policy: Policy, fault: Fault) -> None:
    """Nobody could open a session where all that is offered is below the policy's floor."""
    if policy.opcua is None or not offered:
        return
    floor = policy.opcua.mode
    if all(mode < floor for _, mode in offered):
        text = f"all that clients are offered is below the policy's security {MODES[floor]!r}: no session could open"
        fault(
            "client_security", text, f'offer more, or write [opcua] security = "{MODES[offered[0][1]]}" in the policy'
        )


def _passthrough(
    section: ConduitOpcuaSection, mode: str, offered: list[Security], policy: Policy, fault: Fault
) -> None:
    """On a secured channel of the peers' own nothing can be altered: a denial can only cut the connection."""
    if section.way != "passthrough":
        if section.on_deny:
            fault("on_deny", "on_deny is for passthrough: a terminated channel answers each denial", "leave it out")
        return
    secured = any(one > 1 for _, one in offered) or (policy.opcua is not None and policy.opcua.mode > 1)
    if mode == "enforce" and secured and section.on_deny != "cut":
        text = "a denial cannot be answered on a signed or encrypted channel that is only passed through"
        fault("way", text, 'write way = "terminate", or on_deny = "cut" to end the connection at each denial')
    if section.upstream_of or section.server_pin:
        fault("way", "passthrough shows no certificate of its own", "upstream_of and server_pin need terminate")


def _offered(section: ConduitOpcuaSection) -> list[str]:
    if section.client_security:
        return section.client_security
    return list(OFFERED) if section.way == "terminate" else [NONE.name]


def _pin(text: str) -> str:
    return text.lower().replace(":", "")
