"""The reference page of what the codec supports, written from its own tables (docs/reference/modbus.md)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from icsguard.protocols.modbus.defects import DEFECTS
from icsguard.protocols.modbus.exceptions import EXCEPTIONS
from icsguard.protocols.modbus.functions import DIAGNOSTIC_LAWS, FUNCTIONS, MEI_LAWS, PRESETS, intent_of
from icsguard.protocols.modbus.quirks import QUIRKS
from icsguard.protocols.modbus.services import DIAGNOSTICS, ENCAPSULATED, ServiceId

_HEAD = """# Modbus: what icsguard understands

Written from the codec's own tables by `python -m icsguard.protocols.modbus.support > docs/reference/modbus.md`; a test
compares the two. *AP* is the MODBUS Application Protocol Specification V1.1b3, *TCP* the Messaging on TCP/IP
Implementation Guide V1.0b. Lengths are bytes of PDU with the function code; `q` is the quantity, `n` a number of words.
Every count and length is compared with `==`. Addresses are 0-based.
"""

_OPAQUE = """Private, reserved and unassigned functions are opaque: their bytes pass unread where a rule names their
number, and are refused otherwise. Intent `unknown` counts as a command: it reaches a device at most once.
"""


def support_page() -> str:
    """Return the page as Markdown."""
    sections = (
        _HEAD,
        _table(
            "Functions",
            ("code", "name", "clause", "intent", "request", "answer", "q at most", "smallest preset"),
            _functions(),
        ),
        _OPAQUE,
        _table("Diagnostics (function 8)", ("service", "name", "intent", "data", "smallest preset"), _diagnostics()),
        _table(
            "Encapsulated transport (function 43)", ("service", "name", "intent", "smallest preset"), _encapsulated()
        ),
        _table("Exceptions", ("code", "name", "meaning"), _exceptions()),
        _table("Defects", ("code", "clause", "what a peer did", "answer"), _defects()),
        _table("Quirks", ("name", "what it permits"), QUIRKS.items()),
    )
    return "\n".join(sections)


def _table(title: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"## {title}", "", *(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows))]
    return "\n".join(lines) + "\n"


def _presets(service: ServiceId) -> str:
    """Return the smallest preset that holds a service; larger ones hold it as well."""
    return next((name for name, services in PRESETS.items() if service in services), "none")


def _functions() -> Iterable[Sequence[str]]:
    for law in FUNCTIONS.values():
        most = f"{law.max_quantity} read, {law.max_written} written" if law.max_written else str(law.max_quantity or "")
        by_sub = law.function in {DIAGNOSTICS, ENCAPSULATED}
        intent, preset = ("see below",) * 2 if by_sub else (str(law.intent), _presets(ServiceId(law.function)))
        yield str(law.function), law.name, law.clause, intent, law.request, law.response, most, preset


def _diagnostics() -> Iterable[Sequence[str]]:
    for law in DIAGNOSTIC_LAWS.values():
        service = ServiceId(DIAGNOSTICS, law.sub)
        yield str(service), law.name, str(law.intent), str(law.data), _presets(service)
    yield "others", "reserved", str(intent_of(DIAGNOSTICS, 5)), "opaque", "none"


def _encapsulated() -> Iterable[Sequence[str]]:
    for law in MEI_LAWS.values():
        service = ServiceId(ENCAPSULATED, law.sub)
        yield str(service), law.name, str(law.intent), _presets(service)
    yield "others", "reserved", str(intent_of(ENCAPSULATED, 0)), "none"


def _exceptions() -> Iterable[Sequence[str]]:
    for law in EXCEPTIONS.values():
        yield f"0x{law.code:02X}", law.name, law.meaning if law.standard else f"{law.meaning} (passes with a remark)"


def _defects() -> Iterable[Sequence[str]]:
    for law in DEFECTS.values():
        answer = "the connection ends" if law.fatal else f"exception 0x{law.reply:02X}" if law.reply else "none"
        yield f"`{law.code}`", law.clause, law.meaning, answer


if __name__ == "__main__":
    print(support_page(), end="")  # noqa: T201 - writing the page is its job
