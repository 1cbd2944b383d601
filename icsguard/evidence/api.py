"""The seam for SIEM formats: one file per format, each a `Formatter`; the recorder knows nothing else of them."""

from __future__ import annotations

from typing import Protocol

from icsguard.core.record import Record


class Formatter(Protocol):
    """Turns one record into the bytes that one kind of receiver understands.

    Every implementation takes hostile text of any size, never raises, and stays below its stated size.
    """

    @property
    def name(self) -> str:
        """Short name for configuration and `status`, e.g. `syslog5424`."""
        ...

    @property
    def max_bytes(self) -> int:
        """No message of this format is longer."""
        ...

    def format(self, record: Record, wall_ns: int, seq: int) -> bytes:
        """Return the message; `wall_ns` is the wall clock at the event, `seq` the record's number in its files."""
        ...
