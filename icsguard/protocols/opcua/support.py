"""The reference page of what the codec supports, written from its own tables (docs/reference/opcua.md)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from icsguard.protocols.opcua.builtin import TYPE_NAMES
from icsguard.protocols.opcua.defects import DEFECTS
from icsguard.protocols.opcua.headers import Nothing
from icsguard.protocols.opcua.items import ITEMS
from icsguard.protocols.opcua.security import DEPRECATED, POLICIES
from icsguard.protocols.opcua.services import SERVICES, STRUCTURES, ServiceLaw
from icsguard.protocols.opcua.status import STATUS, status_name
from icsguard.protocols.opcua.uacp import KINDS

_HEAD = """# OPC UA: what icsguard understands

Written from the codec's own tables by `python -m icsguard.protocols.opcua.support > docs/reference/opcua.md`: a test
compares the two. *P4*, *P6* and *P7* are Parts 4, 6 and 7 of OPC 10000; sections of P4 are those of 1.04, in 1.05 each
stands one number further. Bounds are on the page of limits.

This is the protocol layer; what a conduit does with it: docs/decisions/0017-two-ways-through-opc-ua.md.
"""
_NAMES = """A service "by name" has its header read and its parameters kept as bytes. All others are unknown: refused.
"Alone" marks services of which one item can be refused while the others reach the device.
"""


def support_page() -> str:
    """Return the page as Markdown."""
    kinds = [
        (kind.decode(), str(law.smallest), str(law.largest), " ".join(law.chunks.decode()))
        for kind, law in KINDS.items()
    ]
    structures = [(str(number), kind.__name__) for number, kind in STRUCTURES.items()]
    sections = (
        _HEAD,
        _table("Chunks", ("type", "smallest", "largest", "chunk types"), kinds),
        _table("Security policies", ("name", "clause", "signature", "encryption", "AES", "nonce"), _policies()),
        _table("Services", ("name", "clause", "request", "response", "intent", "understood", "alone"), _services()),
        _NAMES,
        _table("Structures in ExtensionObjects", ("type id", "name"), structures),
        _table("Built-in types", ("number", "name"), ((str(number), name) for number, name in TYPE_NAMES.items())),
        _table("StatusCodes", ("code",), ((status_name(code),) for code in STATUS.values())),
        _table("Defects", ("code", "clause", "what a peer did", "answer"), _defects()),
    )
    return "\n".join(sections)


def _table(title: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"## {title}", "", *(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows))]
    return "\n".join(lines) + "\n"


def _policies() -> Iterable[Sequence[str]]:
    for law in POLICIES.values():
        if law.secures:
            yield law.name, law.clause, law.sign.name, law.encrypt.name, str(8 * law.encrypting_key), str(law.nonce)
        else:
            yield law.name, law.clause, "none", "none", "none", "none"
    for uri in sorted(DEPRECATED):
        yield uri.partition("#")[2], "deprecated", "refused", "refused", "refused", "refused"


def _services() -> Iterable[Sequence[str]]:
    for law in SERVICES.values():
        alone = "yes" if law.number in ITEMS else ""
        yield law.name, law.clause, str(law.number), str(law.answer), str(law.intent), _understood(law), alone


def _understood(law: ServiceLaw) -> str:
    if law.request is None:
        return "by name"
    return "no parameters" if law.request is Nothing else "fully"


def _defects() -> Iterable[Sequence[str]]:
    for law in DEFECTS.values():
        answer = status_name(law.reply) if law.reply else "none"
        yield f"`{law.code}`", law.clause, law.meaning, f"{answer}, the connection ends" if law.fatal else answer


if __name__ == "__main__":
    print(support_page(), end="")  # noqa: T201 - writing the page is its job
