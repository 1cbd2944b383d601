"""What one conduit must remember of nodes so that policy can judge: present values, recent steps, rates, the tree.

Bounded by what the policy declares. The conversation tells it what the server said (`seen`), what was handed over
(`NodeJudge.delivered`) and what became of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from icsguard.policy.history import History
from icsguard.policy.memory import SETTLE_NS, Memory
from icsguard.policy.nodes.tree import Tree
from icsguard.policy.rules import Rate

Number = int | float


@dataclass(slots=True)
class Known:
    """What is known of one point's value."""

    value: Number | None = None
    at: int = 0
    """When it was last said; 0: unknown."""
    pending: Number | None = None
    """Written and not yet confirmed."""
    pending_at: int = 0


class NodeMemory:
    """The memory of one conduit of OPC UA. Rates, grants and histories are kept by a plain `Memory` beside it."""

    __slots__ = ("_known", "_nodes", "beside", "tree")

    def __init__(self, nodes: dict[str, str], roots: Iterable[str], beside: Memory | None = None) -> None:
        self._nodes = nodes
        """Node to the name of its point."""
        self._known: dict[str, Known] = {}
        """By point; bounded by the points that the policy declares."""
        self.beside = beside if beside is not None else Memory()
        self.tree = Tree(roots)

    @property
    def wall_shift(self) -> int:
        """Wall minus steady clock, ns; the runtime sets it."""
        return self.beside.wall_shift

    @wall_shift.setter
    def wall_shift(self, shift: int) -> None:
        self.beside.wall_shift = shift

    @property
    def version(self) -> int:
        """Rises with each write handed over: a verdict of an older version is worth forming anew."""
        return self.beside.version

    def adopt(self, nodes: dict[str, str], roots: Iterable[str]) -> None:
        """Serve another policy from now on; keep what it still speaks of."""
        former, self._nodes = self._nodes, nodes
        same = {name for node, name in nodes.items() if former.get(node) == name}
        self._known = {name: known for name, known in self._known.items() if name in same}
        self.tree.adopt(roots)

    def forget(self) -> None:
        """The device was restarted: nothing of what it said holds."""
        self._known.clear()
        self.tree.forget()

    @property
    def has_points(self) -> bool:
        """Say whether any value matters at all."""
        return bool(self._nodes)

    def watches(self, node: str) -> bool:
        """Say whether a node's value matters."""
        return node in self._nodes

    def seen(self, node: str, value: Number | None, now: int) -> None:
        """Take in what the server said of a whole Value attribute, or acknowledged; None where it is no good number."""
        name = self._nodes.get(node)
        if name is None:
            return
        known = self._known.setdefault(name, Known())
        if value is None:
            known.at = 0
            return
        known.value, known.at = value, now
        if known.pending is not None and (known.pending == value or now - known.pending_at >= SETTLE_NS):
            known.pending = None

    def written(self, name: str, value: Number | None, now: int) -> None:
        """Note a value on its way to a point; None for one that cannot be foretold. Policy's own call."""
        known = self._known.setdefault(name, Known())
        twice = known.pending is not None and known.pending != value and now - known.pending_at < SETTLE_NS
        if value is None or twice:
            known.at, known.pending = 0, None
        else:
            known.pending, known.pending_at = value, now

    def unknown(self, node: str) -> None:
        """Forget a value: nobody knows whether a write to it happened."""
        known = self._known.get(self._nodes.get(node, ""))
        if known is not None:
            known.at, known.pending = 0, None

    def rejected(self, node: str) -> None:
        """The server refused a write: what was there before is still there."""
        known = self._known.get(self._nodes.get(node, ""))
        if known is not None:
            known.pending = None

    def present(self, name: str, max_age_ns: int, now: int) -> list[Number]:
        """Return what the point may hold now: two values while a write is on its way, none if unknown."""
        known = self._known.get(name)
        if known is None or known.value is None or known.at < max(now - max_age_ns, 1):
            return []
        return [known.value] if known.pending is None else [known.value, known.pending]

    def history(self, name: str) -> History:
        """Return the writes to a point."""
        return self.beside.history(name)

    def take(self, rule: str, client: str, rate: Rate, now: int) -> bool:
        """Take one request from a client's bucket under a rule; False where it is empty."""
        return self.beside.take(rule, client, rate, now)
