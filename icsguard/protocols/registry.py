"""The protocols that icsguard speaks: one line each."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from icsguard.protocols.api import Codec
from icsguard.protocols.modbus.codec import MODBUS

PROTOCOLS: Final = MappingProxyType[str, Codec]({"modbus": MODBUS})
"""Name in icsguard.toml to codec."""
