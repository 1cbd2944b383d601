"""The protocols that icsguard speaks: one line each."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from icsguard.core.meaning import Intent
from icsguard.protocols.api import Codec
from icsguard.protocols.modbus.codec import MODBUS

PROTOCOLS: Final = MappingProxyType[str, Codec]({"modbus": MODBUS})
"""Name in icsguard.toml to codec."""


def intent_of(protocol: str, request: bytes) -> Intent:
    """Return what a mirrored request is for; UNKNOWN where its protocol is not known."""
    if protocol == "opcua":
        from icsguard.protocols.opcua.services import SERVICES, peek  # noqa: PLC0415 - only where somebody speaks it

        law = SERVICES.get(peek(request))
        return law.intent if law is not None else Intent.UNKNOWN
    codec = PROTOCOLS.get(protocol)
    return codec.meaning(request).intent if codec is not None else Intent.UNKNOWN
