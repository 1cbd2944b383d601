"""Named relaxations for devices that break the law in a known, harmless way. Each relaxes exactly one check.

A quirk is set by the operator for one device, never guessed. Whoever applies it takes the set of names as an argument.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

TID_NOT_ECHOED: Final = "tid_not_echoed"
UNIT_NOT_ECHOED: Final = "unit_not_echoed"
MEI_IN_EXCEPTION: Final = "mei_in_exception"
ECHO_DIFFERS: Final = "echo_differs"
LONG_FILES: Final = "long_files"
UNIT_IGNORED: Final = "unit_ignored"
MASK_OR_VARIANT: Final = "mask_or_variant"
CLOSES_OLDEST: Final = "closes_oldest"

QUIRKS: Final = MappingProxyType(
    {
        TID_NOT_ECHOED: "answers carry any transaction identifier: one request in flight, paired in order",
        UNIT_NOT_ECHOED: "answers may carry another unit identifier than the request",
        MEI_IN_EXCEPTION: "exceptions to function 43 may carry the MEI type before the code, as older editions had it",
        ECHO_DIFFERS: "single writes may be acknowledged with another value (clamped by the device)",
        LONG_FILES: "files may have 65536 records instead of 10000",
        UNIT_IGNORED: "the device answers to every unit identifier: policy maps them all to one",
        CLOSES_OLDEST: "the device closes its oldest connection for a new one: a shared link that it closed is opened "
        "again after a pause, so that others are not thrown out in turn",
        MASK_OR_VARIANT: "mask writes are computed as (current AND and) OR or: policy judges both results",
    }
)
"""Name to meaning. `unit_ignored` and `mask_or_variant` are applied by policy, `closes_oldest` by the links that
clients share, the others by this codec."""

NO_QUIRKS: Final[frozenset[str]] = frozenset()
