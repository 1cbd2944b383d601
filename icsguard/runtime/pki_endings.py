"""Which ends of certificates an operator has not heard of yet: each step (60, 30, 7 days, ended) is told once.

The status shows all that are near; records tell what is new. Looked at once an hour, and whenever the folder changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from icsguard.core.clock import HOUR
from icsguard.core.record import Severity
from icsguard.runtime.pki_work import Warned, ending_text

LOOK_NS: Final = HOUR
_SEVERITIES: Final = {60: Severity.LOW, 30: Severity.MEDIUM}


class Endings:
    """What has been told of one folder."""

    __slots__ = ("_looked_at", "_told", "texts")

    def __init__(self) -> None:
        self.texts: tuple[str, ...] = ()
        """Sentences for the status, the most urgent first."""
        self._told: dict[str, int] = {}
        """File to the last step told; bounded by the files of the folder."""
        self._looked_at = 0

    def is_due(self, now: int) -> bool:
        """Say whether it is time to look."""
        return not self._looked_at or now - self._looked_at >= LOOK_NS

    def look_again(self) -> None:
        """The folder changed: look at once."""
        self._looked_at = 0

    def news(self, found: Sequence[Warned], now: int) -> list[Warned]:
        """Take in what ends soon; return what was not told yet."""
        self._looked_at = now
        self.texts = tuple(map(ending_text, found))
        fresh = [one for one in found if self._told.get(one.where) != one.level]
        self._told = {one.where: one.level for one in found}
        return fresh


def severity_of(warned: Warned) -> Severity:
    """Return how soon a human should look."""
    return _SEVERITIES.get(warned.level, Severity.HIGH)
