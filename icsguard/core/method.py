"""What a method of an OPC UA server is declared to do: which points it sets, from which argument or constant.

No server tells. A policy declares it; policy then holds the points' limits against what is handed to the method, and
the twin tries a call like a write.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from icsguard.core.meaning import Intent, Meaning, NodeAccess, NodeChange

CONSTANT = -1
"""In place of an argument's number: the value is always the same."""


class Effect(NamedTuple):
    """One point that a call sets."""

    point: str
    argument: int = CONSTANT
    """Which argument carries the value, from 0, in the point's engineering unit."""
    value: float = 0.0
    """What the point becomes where no argument says it."""


class Method(NamedTuple):
    """One method with what it sets."""

    node: str
    objects: tuple[str, ...] = ()
    """Full names of the objects on which it does so, or beginnings that end in `*`; empty: on all."""
    sets: tuple[Effect, ...] = ()

    def is_on(self, parent: str) -> bool:
        """Say whether this speaks of calls on an object."""
        return not self.objects or any(
            parent.startswith(name[:-1]) if name.endswith("*") else parent == name for name in self.objects
        )


class Brought(NamedTuple):
    """What one call brings to one point."""

    effect: Effect
    change: NodeChange | None
    """The value as a write of it would say it; None where the argument is missing."""


class Methods:
    """All methods whose effects are declared."""

    __slots__ = ("_by_node",)

    def __init__(self, methods: Iterable[Method] = ()) -> None:
        self._by_node: dict[str, list[Method]] = {}
        for one in methods:
            if one.sets:
                self._by_node.setdefault(one.node, []).append(one)

    def __bool__(self) -> bool:
        return bool(self._by_node)

    def effects(self, access: NodeAccess) -> tuple[Effect, ...]:
        """Return what a call sets, each effect once; empty where nothing is declared."""
        if access.intent is not Intent.EXECUTE:
            return ()
        found = (one for one in self._by_node.get(access.node, ()) if one.is_on(access.parent))
        return tuple(dict.fromkeys(effect for one in found for effect in one.sets))

    def brings(self, access: NodeAccess, arguments: Sequence[NodeChange]) -> list[Brought]:
        """Return what a call with these arguments brings."""
        effects = self.effects(access)
        if not effects:
            return []
        sent = {change.argument: change for change in arguments}
        return [Brought(effect, _value(effect, sent)) for effect in effects]

    def called(self, meaning: Meaning) -> Iterator[tuple[int, Brought]]:
        """Yield what each call of a request brings, with the call's place in it."""
        for place, access in enumerate(meaning.nodes):
            if access.intent is Intent.EXECUTE and access.node in self._by_node:
                arguments = [change for change in meaning.node_changes if change.place == place]
                for brought in self.brings(access, arguments):
                    yield place, brought


def _value(effect: Effect, sent: dict[int, NodeChange]) -> NodeChange | None:
    if effect.argument == CONSTANT:
        return NodeChange(0, "Double", (effect.value,))
    found = sent.get(effect.argument)
    return None if found is None else found._replace(argument=CONSTANT)
