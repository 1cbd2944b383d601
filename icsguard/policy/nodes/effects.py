"""What calls do to points, as writes: a point's limits hold for the argument of a method as for the value of a Write.

Only for methods whose effects the policy declares (`sets`); of all others nobody knows what they move.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from icsguard.core.meaning import Meaning, NodeAccess, NodeChange
from icsguard.core.method import Brought, Method, Methods
from icsguard.core.point import Point
from icsguard.core.verdict import Reason
from icsguard.policy.nodes.law import NodeLaw
from icsguard.policy.nodes.values import reason


class Effects:
    """The declared methods of one policy, with the laws of the points that they set."""

    __slots__ = ("_laws", "_methods")

    def __init__(self, methods: Iterable[Method], points: Iterable[Point], laws: Mapping[str, NodeLaw]) -> None:
        self._methods = Methods(methods)
        self._laws = {point.name: laws[point.node] for point in points}

    def __bool__(self) -> bool:
        return bool(self._methods)

    def of(self, access: NodeAccess, arguments: Sequence[NodeChange]) -> list[tuple[NodeLaw, NodeChange | None]]:
        """Return what one call brings to points; None where the argument is missing."""
        return [self._written(one) for one in self._methods.brings(access, arguments) if one.effect.point in self._laws]

    def nodes(self, access: NodeAccess) -> Iterator[str]:
        """Yield the nodes of the points that a call sets."""
        for effect in self._methods.effects(access):
            if effect.point in self._laws:
                yield self._laws[effect.point].point.node

    def called(self, meaning: Meaning) -> Iterator[tuple[NodeLaw, NodeChange | None]]:
        """Yield what all calls of a request bring."""
        for _, one in self._methods.called(meaning):
            if one.effect.point in self._laws:
                yield self._written(one)

    def _written(self, one: Brought) -> tuple[NodeLaw, NodeChange | None]:
        law = self._laws[one.effect.point]
        return law, None if one.change is None else law.as_written(one.change)


def missing(law: NodeLaw) -> Reason:
    """Return the refusal of a call without the argument that sets a point."""
    text = f"{law.point.name} ({law.point.node}): the argument that sets it is missing"
    return reason("argument-missing", text, law)
