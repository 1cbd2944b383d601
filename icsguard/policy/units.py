"""Unit identifiers as the device understands them: which of them are one and the same, and which are declared.

A rule bound to unit 1 must not be escaped through unit 2 of a device that ignores the field (facts: Modbus Messaging
on TCP/IP V1.0b, "MODBUS unit identifier").
"""

from __future__ import annotations

from typing import Final

from icsguard.policy.rules import Policy

ITSELF: Final = frozenset({0, 255})
"""On a plain TCP device both mean the device itself."""
BROADCAST: Final = 0
UNIT_IGNORED: Final = "unit_ignored"
"""Quirk of a device that answers to every unit identifier."""
UNDECLARED: Final = -1
"""Stands for every unit that the policy does not declare."""


class Units:
    """The declared units of one conduit, aliases resolved."""

    __slots__ = ("_only", "declared", "serial")

    def __init__(self, policy: Policy, *, serial: bool = False, ignored: bool = False) -> None:
        self.serial = serial
        named = {point.unit_id for point in policy.points}
        named.update(*[rule.units for rule in policy.rules])
        named.update(unit for grant in policy.grants for unit in grant.units)
        self._only: int | None = min(named) if ignored and named else None
        self.declared = frozenset(self.same(unit) for unit in named)

    def same(self, unit: int) -> int:
        """Return the one number that stands for this unit and its aliases."""
        if self._only is not None:
            return self._only
        return BROADCAST if unit in ITSELF and not self.serial else unit

    def canonical(self, unit: int) -> int:
        """Return the unit under which rules and points are filed, UNDECLARED where the policy knows no such unit."""
        same = self.same(unit)
        return same if same in self.declared else UNDECLARED

    def is_broadcast(self, unit: int) -> bool:
        """Say whether a request to this unit reaches every device of the line."""
        return self.serial and unit == BROADCAST and self._only is None
