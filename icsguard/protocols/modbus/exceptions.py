"""The exception codes of AP §7, and the two that devices use beside them."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final, NamedTuple

EXCEPTION_BIT: Final = 0x80
"""Set in the function code of an exception response."""
ACKNOWLEDGE: Final = 0x05
"""The device accepted a long command: a write so answered may have happened."""
BUSY: Final = 0x06
PATH_UNAVAILABLE: Final = 0x0A
NO_RESPONSE: Final = 0x0B


class ExceptionLaw(NamedTuple):
    """One exception code."""

    code: int
    name: str
    meaning: str
    standard: bool = True
    """False where AP does not list it: it passes, with a remark."""


EXCEPTIONS: Final = MappingProxyType(
    {
        law.code: law
        for law in (
            ExceptionLaw(0x01, "illegal function", "function, sub-function or MEI type not known or not permitted"),
            ExceptionLaw(0x02, "illegal data address", "address, unit or file not valid or not permitted"),
            ExceptionLaw(0x03, "illegal data value", "the request's structure, or a value, is not acceptable"),
            ExceptionLaw(0x04, "server device failure", "unrecoverable error while acting; only devices say so"),
            ExceptionLaw(ACKNOWLEDGE, "acknowledge", "accepted, takes long; a write may have happened"),
            ExceptionLaw(BUSY, "server device busy", "try again later"),
            ExceptionLaw(0x07, "negative acknowledge", "from old Modicon texts", standard=False),
            ExceptionLaw(0x08, "memory parity error", "extended file area failed its consistency check"),
            ExceptionLaw(PATH_UNAVAILABLE, "gateway path unavailable", "the device cannot be reached"),
            ExceptionLaw(
                NO_RESPONSE, "gateway target device failed to respond", "no answer; a write's outcome is unknown"
            ),
        )
    }
)
"""Code to law."""


def exception_name(code: int) -> str:
    """Return `0x02 illegal data address`, or the number alone where no text knows it."""
    law = EXCEPTIONS.get(code)
    return f"0x{code:02X} {law.name}" if law else f"0x{code:02X}"
