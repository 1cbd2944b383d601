"""Where challengers work inside the shadow process: behind the champion, in what time is left, from a queue of its own.

The queue keeps traffic and questions in their order. When it is full the oldest entry is shed and counted: a challenger
that misses traffic costs nothing but its trial.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from icsguard.core.clock import SECOND
from icsguard.core.finding import Finding
from icsguard.core.record import Record
from icsguard.core.transaction import Opinion, Question, Transaction
from icsguard.detect.flow_model import FlowModel
from icsguard.detect.options import ShadowOptions
from icsguard.detect.sparring import Sparring
from icsguard.evidence.own import OwnRecords
from icsguard.runtime.log import get_logger
from icsguard.twin.site_model import Site

MAX_WAITING: Final = 512  # batches and questions; seconds of full load. The oldest is shed, and counted
PORTION: Final = 4
"""Entries done in one round of the shadow."""

_LOG: Final = get_logger("icsguard.ring")
_Entry = tuple[Sequence[Transaction], Question | None, Opinion | None]


class Ring:
    """All challengers of one shadow."""

    def __init__(self) -> None:
        self._sparring: dict[str, tuple[str, Sparring]] = {}
        """By conduit, each with the champion's digest beside."""
        self._waiting: deque[_Entry] = deque(maxlen=MAX_WAITING)
        self._champion: list[Finding] = []
        self._shed = self._failed = 0

    def adopt(
        self,
        options: ShadowOptions,
        champions: Mapping[str, Site | None],
        challengers: Mapping[str, Site],
        flow: FlowModel | None,
        now: int,
    ) -> None:
        """Take other models; a pair that is the same as before goes on counting."""
        kept: dict[str, tuple[str, Sparring]] = {}
        for name, site in challengers.items():
            champion = champions.get(name)
            against = champion.digest if champion is not None else ""
            known = self._sparring.get(name)
            if known is not None and known[0] == against and known[1].digest == site.digest:
                kept[name] = known
            else:
                kept[name] = against, Sparring(options, name, site, flow, now)
        self._sparring = kept
        if not kept:
            self._waiting.clear()

    def saw(self, transactions: Sequence[Transaction]) -> None:
        """Keep traffic that the champions have seen."""
        self._put((transactions, None, None))

    def answered(self, question: Question, opinion: Opinion) -> None:
        """Keep a question that the champion has answered."""
        self._put(((), question, opinion))

    def work(self, champion: Iterable[Finding], now: int) -> None:
        """Do a portion of what waits; `champion`: what champions found since the last time."""
        if not self._sparring:
            return
        self._champion += champion
        for _ in range(min(PORTION, len(self._waiting))):
            self._one(*self._waiting.popleft(), now)
        if not self._waiting:
            self._tick(now)

    def facts(self, now: int) -> dict[str, str | int | float]:
        """Return what the status tells of challengers."""
        found: dict[str, str | int | float] = {}
        for _, one in self._sparring.values():
            found |= one.facts(now)
        if found:
            found |= {"challenger_shed": self._shed, "challenger_failures": self._failed}
        return found

    def records(self, own: OwnRecords, now: int) -> tuple[Record, ...]:
        """Return what challengers would have told, as notes for the record; each once."""
        made = []
        for _, one in self._sparring.values():
            for finding in one.notes:
                text = f"the challenger {one.digest} of {one.conduit} would have told: {finding.text}"
                facts: dict[str, str | int | float] = {
                    "model": f"{one.conduit}.challenger",
                    "digest": one.digest,
                    "code": finding.code,
                    "age_s": round((now - finding.at) / SECOND, 3),
                }
                made.append(own.note(now, text, facts))
            one.notes.clear()
        return tuple(made)

    def _put(self, entry: _Entry) -> None:
        if self._sparring:
            self._shed += len(self._waiting) == MAX_WAITING
            self._waiting.append(entry)

    def _one(
        self, transactions: Sequence[Transaction], question: Question | None, opinion: Opinion | None, now: int
    ) -> None:
        for _, one in self._sparring.values():
            try:
                if question is not None and opinion is not None:
                    one.asked(question, opinion, question.asked_at)
                else:
                    one.observe(transactions, now)
            except Exception as error:  # noqa: BLE001 - the edge of the process: a challenger must not end the shadow
                self._fail(one, error)

    def _tick(self, now: int) -> None:
        champion, self._champion = self._champion, []
        for _, one in self._sparring.values():
            try:
                one.tick(champion, now)
            except Exception as error:  # noqa: BLE001 - likewise
                self._fail(one, error)

    def _fail(self, one: Sparring, error: Exception) -> None:
        self._failed += 1
        if self._failed == 1:  # then the status counts: a challenger that fails, fails often
            _LOG.error("challenger_failed", conduit=one.conduit, error=repr(error), exc_info=error)
