"""What hangs below what in a server's address space, as far as its Browse answers have told.

Rules that name a subtree are judged by it. What no answer has shown below a root is not below it: such a rule fails
closed, and a client that browses first sees it open.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from icsguard.protocols.opcua.meaning import Names
from icsguard.protocols.opcua.messages_view import BrowseRequest, BrowseResponse
from icsguard.protocols.opcua.nodes import NodeId
from icsguard.protocols.opcua.services import Request, Response

MAX_EDGES: Final = 20_000  # references remembered, some 6 MB; later ones are not learned, so what they show stays shut
MAX_VISITED: Final = 256  # nodes looked at on the way up from one node; a plant's tree is some ten levels deep
HIERARCHICAL: Final = frozenset(NodeId(0, "i", number) for number in (35, 36, 46, 47, 48, 49))
"""Organizes, HasEventSource, HasProperty, HasComponent, HasNotifier, HasOrderedComponent (P3 §7)."""


class Tree:
    """Children to parents. `version` grows with each new edge: a verdict of an older version is worth forming anew."""

    __slots__ = ("_count", "_known", "_parents", "_roots", "version")

    def __init__(self, roots: Iterable[str] = ()) -> None:
        self._roots = frozenset(roots)
        """Without a root of interest nothing is remembered."""
        self._parents: dict[str, set[str]] = {}
        self._count = 0
        self._known: dict[tuple[str, frozenset[str]], bool] = {}
        self.version = 0

    def __len__(self) -> int:
        return self._count

    @property
    def wants_edges(self) -> bool:
        """Say whether any rule names a subtree."""
        return bool(self._roots)

    def adopt(self, roots: Iterable[str]) -> None:
        """Serve another policy from now on; what is known of the device stays."""
        self._roots = frozenset(roots)
        self._changed()

    def forget(self) -> None:
        """The device was restarted: its address space may be another."""
        self._parents.clear()
        self._count = 0
        self._changed()

    def learned(self, parent: str, child: str) -> None:
        """Take in one edge; full names."""
        if not self._roots or parent == child:
            return
        parents = self._parents.get(child)
        if self._count >= MAX_EDGES or (parents is not None and parent in parents):
            return
        self._parents.setdefault(child, set()).add(parent)
        self._count += 1
        self._changed()

    def is_below(self, node: str, roots: frozenset[str]) -> bool:
        """Say whether the node is one of the roots or is known to hang below one."""
        key = (node, roots)
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= MAX_EDGES:
                self._known.clear()
            found = self._known[key] = self._climb(node, roots)
        return found

    def _climb(self, node: str, roots: frozenset[str]) -> bool:
        seen, ahead = {node}, [node]
        while ahead and len(seen) <= MAX_VISITED:
            at = ahead.pop()
            if at in roots:
                return True
            above = self._parents.get(at, set()) - seen
            seen |= above
            ahead += above
        return False

    def _changed(self) -> None:
        self.version += 1
        self._known.clear()


def edges(
    request: Request, response: Response, names: Names, paged: Sequence[NodeId | None] = ()
) -> Iterator[tuple[str, str]]:
    """Yield (parent, child) of every hierarchical reference that a good answer to Browse or BrowseNext shows.

    `paged`: the nodes of which a BrowseNext went on, None where that is not known. An answer without the type of a
    reference shows no hierarchy.
    """
    asked, answer = request.body, response.body
    if response.fault or not isinstance(answer, BrowseResponse):
        return
    starts = [item.node for item in asked.items or ()] if isinstance(asked, BrowseRequest) else paged
    for node, result in zip(starts, answer.results or (), strict=False):
        if node is None:
            continue
        start = names.of(node)
        for reference in result.references or ():
            if reference.reference in HIERARCHICAL and not reference.node.server:
                end = names.expanded(reference.node)
                yield (start, end) if reference.forward else (end, start)
