"""The records that the recorder makes itself: gaps, alarms of its own disk and receivers, its life.

A gap is never silent: whoever loses something says how much, as a record beside the others.
"""

from __future__ import annotations

from icsguard.core.record import Record, RecordKind, Severity

Facts = dict[str, str | int | float]


class OwnRecords:
    """Makes records with ids of their own series, so that they never meet those of the gateway."""

    def __init__(self, run: str) -> None:
        """`run` names this run of the recorder; ids are `<run>-<counter>`."""
        self._run = run
        self._made = 0

    def new_id(self) -> str:
        """Return the next id."""
        self._made += 1
        return f"{self._run}-{self._made:06d}"

    def gap(self, now: int, text: str, facts: Facts) -> Record:
        """Something was lost: `facts` say how much, from when to when, and where."""
        return Record(self.new_id(), RecordKind.GAP, now, Severity.HIGH, text, facts=facts)

    def alarm(self, now: int, text: str, facts: Facts) -> Record:
        """The recorder itself is in trouble, traffic is not."""
        return Record(self.new_id(), RecordKind.LIFECYCLE, now, Severity.HIGH, text, facts=facts)

    def note(self, now: int, text: str, facts: Facts) -> Record:
        """The recorder's life: started, connected, repaired, recovered."""
        return Record(self.new_id(), RecordKind.LIFECYCLE, now, Severity.INFO, text, facts=facts)
