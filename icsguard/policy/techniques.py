"""Which ATT&CK for ICS technique a refusal points to, where no rule says it.

The ids are those of rules/attack-ics.toml (v18.1); a test fails on any other.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from icsguard.core.meaning import CHANGES_THE_PLANT, Meaning

ROGUE_CLIENT: Final = "T0848"
DISCOVERY: Final = "T0846"
UNAUTHORIZED_COMMAND: Final = "T0855"
MODIFY_PARAMETER: Final = "T0836"
BRUTE_FORCE_IO: Final = "T0806"
MANIPULATION: Final = "T0831"
FLOOD: Final = "T0814"
IDENTIFY_POINTS: Final = "T0861"
_DEVICE_INFORMATION: Final = "T0888"
_PROGRAM_DOWNLOAD: Final = "T0843"
_WITH_DATA: Final = frozenset({8, 43})
"""Public functions whose body is data, not a vendor's protocol (Modbus AP V1.1b3 §6.8, §6.19)."""

BY_SERVICE: Final = MappingProxyType(
    {
        (8, 1): "T0816",
        (8, 4): "T0814",
        (17, -1): _DEVICE_INFORMATION,
        (20, -1): "T0845",
        (21, -1): _PROGRAM_DOWNLOAD,
        (43, 13): MODIFY_PARAMETER,
        (43, 14): _DEVICE_INFORMATION,
    }
)
"""Services whose mere use, not permitted, tells what is tried."""


def of_service(meaning: Meaning) -> str:
    """Return the technique of a request that nobody may send."""
    known = BY_SERVICE.get((meaning.function, meaning.sub))
    if known:
        return known
    if meaning.extra and meaning.function not in _WITH_DATA:
        return _PROGRAM_DOWNLOAD
    return UNAUTHORIZED_COMMAND if meaning.intent in CHANGES_THE_PLANT else IDENTIFY_POINTS
