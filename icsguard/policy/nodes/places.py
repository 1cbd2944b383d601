"""Nodes as policies name them: full names, beginnings that end in `*`, subtrees; and which nodes those reach."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from icsguard.policy.nodes.tree import Tree
from icsguard.protocols.opcua.meaning import UNREADABLE
from icsguard.protocols.opcua.nodes import OPC_NAMESPACE, escaped, guid_bytes

MAX_NAME: Final = 4_096  # characters: what OPC UA allows a string identifier (P3 §8.2), and more than a sane one has
MAX_NUMBER: Final = 0xFFFFFFFF
ANY: Final = "*"
_URI, _INDEX = "nsu=", "ns="


class NodeSet:
    """A set of nodes, compiled."""

    __slots__ = ("exact", "prefixes", "roots")

    def __init__(self, names: Iterable[str], roots: Iterable[str] = ()) -> None:
        texts = list(names)
        self.exact = frozenset(text for text in texts if not text.endswith(ANY))
        self.prefixes = tuple(text[:-1] for text in texts if text.endswith(ANY))
        self.roots = frozenset(roots)

    def covers(self, node: str, tree: Tree) -> bool:
        """Say whether the node belongs to the set. Nodes without a full name never do."""
        if node in self.exact:
            return True
        if self.prefixes and node.startswith(self.prefixes):
            return True
        return bool(self.roots) and tree.is_below(node, self.roots)

    def __bool__(self) -> bool:
        return bool(self.exact or self.prefixes or self.roots)


def is_resolved(node: str) -> bool:
    """Say whether the name is by namespace URI, or of namespace 0: an index means another node after a restart."""
    return not node.startswith((_INDEX, "svr=")) and node != UNREADABLE


def is_standard(node: str) -> bool:
    """Say whether the node is of the standard's own namespace."""
    return node.startswith(("i=", "s=", "g=", "b="))


def parse_node(text: str, *, pattern: bool = False) -> str:
    """Return the full name that a policy's text means; ValueError says what is wrong.

    `nsu=<URI>;s=<id>`, or `i=<number>` of the standard's namespace. With `pattern`, a text identifier or everything
    after the URI may end in `*`. Byte strings are written in hexadecimal, as records show them.
    """
    if len(text) > MAX_NAME:
        raise ValueError(f"a name of {len(text)} characters, at most {MAX_NAME} are taken")
    if text.startswith(_INDEX):
        raise ValueError(f"{text!r} names a namespace by index, which may change with each start: write nsu=<URI>;…")
    uri, rest = _split(text)
    if uri and rest == ANY and pattern:
        return f"{_URI}{uri};{ANY}"
    kind, equals, identifier = rest.partition("=")
    if not equals or kind not in {"i", "s", "g", "b"} or not identifier:
        raise ValueError(f"{text!r} names no node: write nsu=urn:plant;s=Pump.Speed, or i=2258 for a standard one")
    name = _identifier(text, kind, identifier, pattern=pattern)
    return f"{_URI}{uri};{kind}={name}" if uri else f"{kind}={name}"


def _split(text: str) -> tuple[str, str]:
    """Return the namespace URI as it stands in full names, empty for the standard's, and the rest."""
    if not text.startswith(_URI):
        return "", text
    raw, semicolon, rest = text.removeprefix(_URI).partition(";")
    if not raw or not semicolon:
        raise ValueError(f"{text!r} names no node: after the URI comes ;s=<id> or ;i=<number>")
    uri = raw.replace("%3B", ";").replace("%3b", ";").replace("%25", "%")
    return ("" if uri == OPC_NAMESPACE else escaped(uri)), rest


def _identifier(text: str, kind: str, identifier: str, *, pattern: bool) -> str:
    if kind == "s":
        starred = identifier.endswith(ANY)
        if starred and (not pattern or identifier == ANY):
            what = "needs letters before its *" if pattern else "names one node, so it takes no *"
            raise ValueError(f"{text!r} {what}")
        return identifier
    if kind == "i":
        if not (identifier.isascii() and identifier.isdecimal()) or int(identifier[:11]) > MAX_NUMBER:
            raise ValueError(f"{text!r}: {identifier!r} is no number from 0 to {MAX_NUMBER}")
        return str(int(identifier))
    try:
        if kind == "g":
            guid_bytes(identifier)
            return identifier.lower()
        return bytes.fromhex(identifier).hex()
    except ValueError as error:
        what = "Guid" if kind == "g" else "hexadecimal number of bytes"
        raise ValueError(f"{text!r}: {identifier!r} is no {what}") from error
