"""What a device's answers tell beside their values: that they do not fit, come late, do not come, or differ by reader.

Exact counters over the mirrored traffic. A man in the middle changes an echo, shows one client something else than
another, or costs time; a blocked path withholds answers, and points grow old.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from icsguard.core.clock import MS, SECOND
from icsguard.core.transaction import Outcome, Transaction
from icsguard.twin.traffic import Event

RECENT: Final = 10
"""Answers that are looked at together."""
MOST: Final = 8
"""So many of them late, or missing, are told."""
LATE_FACTOR: Final = 3.0
"""Late is: so many times slower than 99.9 % of the answers while learning ..."""
LATE_LEAST_NS: Final = 20 * MS
"""... and by so much, as a network's own hiccups are no attack."""
AGAIN_NS: Final = 300 * SECOND
"""The same is told again after this time."""
STREAK: Final = 3
"""Reads in a row in which two clients were shown different values of one point."""
MAX_QUESTIONS: Final = 256  # reads whose last two readers are remembered; further ones are not compared
WIDE_FACTOR: Final = 2.0
"""Two readers may see a point change between their reads by so many times its largest learnt step."""

_MISSING: Final = frozenset({Outcome.TIMED_OUT, Outcome.UNKNOWN, Outcome.UNREACHABLE})


class Oddity(NamedTuple):
    """What is wrong with answers."""

    code: str
    """`wrong-answer`, `slow-answers`, `no-answers`, `readers-disagree` or `stale`."""
    text: str
    number: float
    limit: float
    since: int
    point: str = ""


class AnswerWatch:
    """The answers of one conduit. `usual_ns` is the slowest usual answer while learning, 0 where it is not known."""

    def __init__(self, usual_ns: int) -> None:
        self._late_ns = max(int(usual_ns * LATE_FACTOR), usual_ns + LATE_LEAST_NS) if usual_ns else 0
        self._late: deque[bool] = deque(maxlen=RECENT)
        self._missing: deque[bool] = deque(maxlen=RECENT)
        self._told: dict[str, int] = {}

    def take(self, one: Event, transaction: Transaction, now: int) -> list[Oddity]:
        """Take a finished transaction with what it means; return what it completes."""
        if transaction.outcome not in _MISSING and not transaction.response:
            return []  # refused here, or nothing was due: no word about the device
        found = []
        defect = one.response.defect if one.response is not None else None
        if defect is not None:
            found.append(Oddity("wrong-answer", f"the answer does not fit the request: {defect.text}", 1.0, 0.0, now))
        self._missing.append(transaction.outcome in _MISSING)
        if sum(self._missing) >= MOST:
            text = f"{sum(self._missing)} of the last {RECENT} requests got no answer"
            found.append(Oddity("no-answers", text, float(sum(self._missing)), float(MOST), now))
        if self._late_ns and transaction.outcome == Outcome.ANSWERED:
            took = transaction.response_at - transaction.request_at
            self._late.append(took > self._late_ns)
            if sum(self._late) >= MOST:
                text = f"answers take {took / MS:.0f} ms and more, at most {self._late_ns / MS:.0f} ms are usual here"
                found.append(Oddity("slow-answers", text, took / MS, self._late_ns / MS, now))
        return [oddity for oddity in found if self._is_news(oddity.code, now)]

    def old(self, names: Sequence[str], age_ns: int, now: int) -> list[Oddity]:
        """Say that points were not seen for longer than their reads were ever apart; empty names: all are fresh."""
        if not names:
            self._told.pop("stale", None)
        if not names or "stale" in self._told:  # one silence is told once
            return []
        shown = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")  # noqa: PLR2004 - a line
        text = f"{shown}: not seen for {age_ns / SECOND:.0f} s, longer than ever while learning"
        self._told["stale"] = now
        return [Oddity("stale", text, age_ns / SECOND, 0.0, now - age_ns, names[0])]

    def _is_news(self, code: str, now: int) -> bool:
        told = self._told.get(code)
        if told is not None and now - told < AGAIN_NS:
            return False
        self._told[code] = now
        return True


@dataclass(slots=True)
class _Question:
    client: str
    at: int
    values: tuple[float | None, ...]
    streaks: dict[int, int]


class ReaderWatch:
    """Compares what two clients are shown when they ask the same within a moment of each other."""

    def __init__(self, moment_ns: int) -> None:
        self._moment_ns = moment_ns
        self._questions: OrderedDict[object, _Question] = OrderedDict()

    def take(
        self, question: object, client: str, values: Sequence[float | None], widest: Sequence[float], now: int
    ) -> list[int]:
        """Take a read's values (with the largest step that each may take); return the places that disagree."""
        known = self._questions.get(question)
        if known is None:
            if len(self._questions) < MAX_QUESTIONS:
                self._questions[question] = _Question(client, now, tuple(values), {})
            return []
        told = []
        if known.client != client and now - known.at <= self._moment_ns and len(known.values) == len(values):
            for place, (before, value, most) in enumerate(zip(known.values, values, widest, strict=True)):
                if before is None or value is None or most <= 0.0:
                    continue
                streak = known.streaks.get(place, 0) + 1 if abs(value - before) > WIDE_FACTOR * most else 0
                known.streaks[place] = streak
                if streak == STREAK:
                    told.append(place)
        known.client, known.at, known.values = client, now, tuple(values)
        return told
