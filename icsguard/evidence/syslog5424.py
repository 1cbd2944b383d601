"""A record as a syslog message: RFC 5424, its body the record's JSON line, framed by octet counting (RFC 6587 §3.4.1).

The structured data repeats the few fields that a receiver sorts by without parsing JSON. The body is ASCII, so it
needs no byte order mark (RFC 5424 §6.4: MSG-ANY), which would stop receivers from seeing JSON in it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from icsguard.core.record import Record, Severity
from icsguard.evidence.escape import plain
from icsguard.evidence.record_json import document, line_of
from icsguard.evidence.stamp import stamp

LOG_AUDIT: Final = 13
"""Facility `log audit` of RFC 5424 §6.2.1."""
DOCUMENTATION_ENTERPRISE: Final = 32473
"""IANA's enterprise number for examples (RFC 5612); a site sets its own."""
MAX_MESSAGE: Final = 8_000  # bytes; rsyslog 8 cuts at 8 KiB by default, RFC 5424 §6.1 asks receivers for 2 048
"""A record that needs more is sent shortened by whole parts and says `"cut": true`; the file keeps it whole."""
_MAX_VALUE: Final = 256  # characters of one value of structured data
_SEVERITY: Final = {
    Severity.INFO: 6,
    Severity.LOW: 5,
    Severity.MEDIUM: 4,
    Severity.HIGH: 3,
    Severity.CRITICAL: 2,
}
"""RFC 5424 §6.2.1: 2 critical, 3 error, 4 warning, 5 notice, 6 informational."""
_NOT_PRINTUSASCII: Final = re.compile(r"[^\x21-\x7e]")
_MUST_ESCAPE: Final = re.compile(r'(["\\\]])')  # RFC 5424 §6.3.3
_SHOWN: Final = ("id", "conduit", "client", "decision", "would_be", "layer", "technique", "target")


@dataclass(frozen=True, slots=True)
class Syslog5424:
    """The formatter; its fields are what the header says of the sender."""

    host: str
    app: str = "icsguard"
    process: str = "-"
    facility: int = LOG_AUDIT
    enterprise: int = DOCUMENTATION_ENTERPRISE
    max_bytes: int = MAX_MESSAGE

    @property
    def name(self) -> str:
        """Short name for configuration and `status`."""
        return "syslog5424"

    def format(self, record: Record, wall_ns: int, seq: int) -> bytes:
        """Return one message without its frame, at most `max_bytes` long."""
        head = " ".join(
            (
                f"<{self.facility * 8 + _SEVERITY[record.severity]}>1",
                stamp(wall_ns),
                _header(self.host, 255),
                _header(self.app, 48),
                _header(self.process, 128),
                _header(record.kind.value, 32),
                self._structured(record, seq),
            )
        ).encode("utf-8", "replace")
        body = line_of(document(record, wall_ns, self.host, seq), self.max_bytes - len(head) - 1)
        return (head + b" " + body)[: self.max_bytes]

    def _structured(self, record: Record, seq: int) -> str:
        given = {name: str(getattr(record, name)) for name in _SHOWN}
        values = {"seq": str(seq), **{name: value for name, value in given.items() if value}}
        inner = " ".join(f'{name}="{_value(value)}"' for name, value in values.items())
        return f"[icsguard@{self.enterprise} {inner}]"


def framed(message: bytes) -> bytes:
    """Return a message with its octet count before it: a line feed inside can not start a second message."""
    return b"%d %b" % (len(message), message)


def _header(text: str, limit: int) -> str:
    """Return a header field: printable ASCII without spaces, `-` where nothing is left (RFC 5424 §6.2)."""
    return _NOT_PRINTUSASCII.sub("_", text)[:limit] or "-"


def _value(text: str) -> str:
    return _MUST_ESCAPE.sub(r"\\\1", plain(text, _MAX_VALUE))
