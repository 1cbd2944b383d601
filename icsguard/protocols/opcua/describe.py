"""A request in one line for people: what it does, to which nodes. Texts of the wire are escaped."""

from __future__ import annotations

from typing import Final

from icsguard.core.meaning import VALUE_ATTRIBUTE, Intent, NodeAccess, NodeChange, NodeValue
from icsguard.protocols.opcua.meaning import NO_NAMES, Names, meaning
from icsguard.protocols.opcua.services import Request

MAX_SHOWN: Final = 4  # nodes, or values of one node, that a line shows; the rest is counted
MAX_TEXT: Final = 120  # characters of one name or value
_VERBS: Final = {
    Intent.READ: "read",
    Intent.WRITE: "write",
    Intent.EXECUTE: "call",
    Intent.SUBSCRIBE: "watch",
    Intent.BROWSE: "browse",
    Intent.ADMINISTER: "change the address space at",
}


def shown(text: str) -> str:
    """Return a text of the wire as it may be shown: printable, bounded."""
    cut = text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in cut)


def target(request: Request, names: Names = NO_NAMES) -> str:
    """Return what the request touches, `nsu=urn:plant;s=Pump.Speed, i=2258`; empty where it names no node."""
    found = meaning(request, names).nodes
    parts = [_node(access) for access in found[:MAX_SHOWN]]
    more = len(found) - MAX_SHOWN
    return ", ".join(parts if more <= 0 else [*parts, f"and {more} more"])


def describe(request: Request, names: Names = NO_NAMES) -> str:
    """Return the request as one sentence without its end, `Write: write nsu=urn:plant;s=Pump.Speed = 50.0`."""
    if request.defect is not None:
        return f"malformed {request.name}: {request.defect.code}"
    found = meaning(request, names)
    deeds = [_deed(place, access, found.node_changes) for place, access in enumerate(found.nodes[:MAX_SHOWN])]
    more = len(found.nodes) - MAX_SHOWN
    if more > 0:
        deeds.append(f"and {more} more")
    return f"{request.name}: {', '.join(deeds)}" if deeds else request.name


def _deed(place: int, access: NodeAccess, changes: tuple[NodeChange, ...]) -> str:
    of_it = [change for change in changes if change.place == place]
    verb = f"{_VERBS[access.intent]} {_node(access)}"
    if access.intent is Intent.EXECUTE:
        return f"{verb}({', '.join(_values(change) for change in of_it[:MAX_SHOWN])})"
    return f"{verb} = {_values(of_it[0])}" if of_it else verb


def _node(access: NodeAccess) -> str:
    name = shown(access.node)
    if access.attribute not in {0, VALUE_ATTRIBUTE}:
        name += f" attribute {access.attribute}"
    if access.index_range:
        name += f"[{shown(access.index_range)}]"
    return f"{shown(access.parent)} {name}" if access.parent else name


def _values(change: NodeChange) -> str:
    if not change.type:
        return "nothing"
    texts = [_value(value, change.type) for value in change.values[:MAX_SHOWN]]
    more = len(change.values) - MAX_SHOWN
    return " ".join(texts if more <= 0 else [*texts, f"and {more} more"])


def _value(value: NodeValue, kind: str) -> str:
    if value is None:
        return f"({kind})"
    return f'"{shown(value)}"' if isinstance(value, str) else str(value)
