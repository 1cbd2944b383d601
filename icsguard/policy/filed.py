"""A policy filed for its judge, one point and one rule at a time.

Ten thousand rules take some twenty milliseconds. A loop that serves traffic meanwhile takes the steps one by one;
whoever has the time calls `whole`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from icsguard.policy.cells import Cells
from icsguard.policy.index import Points
from icsguard.policy.rules import Policy
from icsguard.policy.units import UNIT_IGNORED, Units


class Filed:
    """What takes long when a judge is made. Complete when `steps` is exhausted."""

    def __init__(self, policy: Policy, *, serial: bool = False, quirks: frozenset[str] = frozenset()) -> None:
        self._policy = policy
        self.units = Units(policy, serial=serial, ignored=UNIT_IGNORED in quirks)
        self.points = Points(replace(policy, points=()), self.units)
        self.cells = Cells(replace(policy, rules=()), self.points, self.units)

    def steps(self) -> Iterator[None]:
        """File everything, a few microseconds at each step."""
        for point in self._policy.points:
            self.points.add(point)
            yield
        self.points.close()
        for rule in self._policy.rules:
            self.cells.add(rule)
            yield


def whole(policy: Policy, *, serial: bool = False, quirks: frozenset[str] = frozenset()) -> Filed:
    """Return the whole policy filed."""
    filed = Filed(policy, serial=serial, quirks=quirks)
    for _ in filed.steps():
        pass
    return filed
