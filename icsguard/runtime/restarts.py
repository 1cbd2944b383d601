"""What a reload cannot change: it takes effect when the gateway is restarted, and the operator is told so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from icsguard.config.settings import Conduit, Settings

GATEWAY_KEYS: Final = ("state_dir", "run_dir", "control_socket")
LINK_KEYS: Final = ("links", "device_in_flight", "coalesce", "connect_delay_ms", "min_gap_ms", "framing")
"""Keys of a conduit that its shared links are built with."""
POOL_KEYS: Final = ("device_timeout_ms", "quirks")
"""Further ones, which a conduit without shared links takes into use with each new connection."""
OPCUA_KEYS: Final = (
    "way",
    "client_security",
    "server_security",
    "pki",
    "own",
    "upstream",
    "upstream_of",
    "server_pin",
)
"""Keys of `[conduit.NAME.opcua]` that name keys, or must fit the keys that were read at the start."""


def needs_restart(before: Settings, after: Settings) -> tuple[str, ...]:
    """Return a line for each key that a reload has changed in vain."""
    lines = [
        f"[gateway] {name} changes only when the gateway is restarted; the old one stays in use"
        for name in GATEWAY_KEYS
        if getattr(before.gateway, name) != getattr(after.gateway, name)
    ]
    present = {conduit.name: conduit for conduit in before.conduits}
    lines += [
        f"{where} changes only when the gateway is restarted; the old value stays in use"
        for conduit in after.conduits
        if conduit.name in present
        for where in _of_conduit(present[conduit.name], conduit)
    ]
    return tuple(lines)


def as_before(before: Conduit, after: Conduit) -> Conduit:
    """Return a conduit of OPC UA as a reload may take it: what needs a restart stays what it was."""
    old, new = before.opcua, after.opcua
    if old is None or new is None:
        return replace(after, opcua=old)
    kept = replace(
        new,
        way=old.way,
        client_security=old.client_security,
        server_security=old.server_security,
        pki=old.pki,
        own=old.own,
        upstream=old.upstream,
        upstream_of=old.upstream_of,
        server_pin=old.server_pin,
    )
    return replace(after, opcua=kept)


def _of_conduit(before: Conduit, after: Conduit) -> Iterator[str]:
    name = after.name
    if before.protocol != after.protocol:
        yield f"[conduit.{name}] protocol"
        return
    for key in (*LINK_KEYS, *(POOL_KEYS if before.links else ())):
        if getattr(before, key) != getattr(after, key):
            yield f"[conduit.{name}] {key}"
    for key in OPCUA_KEYS if before.opcua is not None and after.opcua is not None else ():
        if getattr(before.opcua, key) != getattr(after.opcua, key):
            yield f"[conduit.{name}.opcua] {key}"
