"""Counters of a period: what a conduit did, what was stopped and why, how fast it was, and what we lost of it.

The recorder feeds it every transaction and record that it gets and asks for the summary records once a period.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from icsguard.core.clock import SECOND, US
from icsguard.core.decision import Decision
from icsguard.core.meaning import CHANGES_THE_PLANT, Intent
from icsguard.core.record import Record, RecordKind, Severity
from icsguard.core.transaction import Outcome, Transaction
from icsguard.evidence.latency import Latency

MAX_CONDUITS: Final = 256  # a gateway has tens
"""Traffic of further conduits is counted together, under the name `other`."""
MAX_CODES: Final = 30  # of refusals; we have fewer reasons, but models and rules may name their own
"""Further reasons are counted together, as `other`."""
MAX_CLIENTS: Final = 1_000  # distinct addresses a period, more means a scan
OTHER: Final = "other"

_OUTCOMES: Final[dict[int, str]] = {
    Outcome.EXCEPTION: "exceptions",
    Outcome.REFUSED: "refused",
    Outcome.UNREACHABLE: "unreachable",
    Outcome.TIMED_OUT: "timed_out",
    Outcome.UNKNOWN: "outcome_unknown",
    Outcome.DROPPED: "dropped",
    Outcome.ABANDONED: "abandoned",
}
_DECISIONS: Final[dict[int, str]] = {Decision.ALERT: "alerted", Decision.HOLD: "held", Decision.ISOLATE: "isolated"}


@dataclass(slots=True)
class _Period:
    """What one conduit did since the last summary."""

    counts: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    clients: set[str] = field(default_factory=set)
    latency: Latency = field(default_factory=Latency)


def _fate(transaction: Transaction) -> str:
    """Return the one counter that names what became of a transaction: a hold is also an answer of ours."""
    special = _DECISIONS.get(transaction.decision)
    return special or _OUTCOMES.get(transaction.outcome, "answered")


class Summary:
    """Counts one period after another."""

    def __init__(self, intent_of: Callable[[Transaction], Intent], since: int) -> None:
        self._intent_of = intent_of
        self._since = since
        self._periods: dict[str, _Period] = {}

    def transactions(self, batch: Iterable[Transaction]) -> None:
        """Count finished transactions."""
        for transaction in batch:
            period = self._period(transaction.conduit)
            intent = self._intent_of(transaction)
            kind = "reads" if intent is Intent.READ else "writes" if intent in CHANGES_THE_PLANT else "others"
            period.counts.update(("transactions", kind, _fate(transaction)))
            if len(period.clients) < MAX_CLIENTS:
                period.clients.add(transaction.client)
            if transaction.response_at:
                period.latency.add((transaction.response_at - transaction.request_at) // US)

    def records(self, batch: Iterable[Record]) -> None:
        """Count the grounds of what was stopped, by code, and records by kind."""
        for record in batch:
            if record.kind in {RecordKind.SUMMARY, RecordKind.LIFECYCLE}:
                continue
            period = self._period(record.conduit)
            period.counts[f"records_{record.kind.value}"] += record.repeated
            if record.decision in {"refuse", "hold", "isolate"}:
                code = max(record.reasons, key=lambda reason: reason.decision).code if record.reasons else record.layer
                known = code in period.codes or len(period.codes) < MAX_CODES
                period.codes[code if code and known else OTHER] += record.repeated

    def lost(self, transactions: int, records: int) -> None:
        """Count what never reached us; it belongs to no conduit that we could name."""
        if transactions or records:
            period = self._period("")
            period.counts["lost_transactions"] += transactions
            period.counts["lost_records"] += records

    def close(self, now: int, new_id: Callable[[], str]) -> list[Record]:
        """Return one record per conduit that had traffic, and start the next period."""
        found = [self._record(name, period, now, new_id()) for name, period in sorted(self._periods.items())]
        self._periods = {}
        self._since = now
        return found

    def _period(self, conduit: str) -> _Period:
        period = self._periods.get(conduit)
        if period is None:
            if len(self._periods) >= MAX_CONDUITS:
                conduit = OTHER
            period = self._periods.setdefault(conduit, _Period())
        return period

    def _record(self, conduit: str, period: _Period, now: int, new_id: str) -> Record:
        seconds = round((now - self._since) / SECOND, 3)
        counts, latency = period.counts, period.latency
        facts: dict[str, str | int | float] = {"period_s": seconds, **counts}
        if period.clients:
            facts["clients"] = len(period.clients)
        if latency.count:
            facts |= {"latency_p50_us": latency.percentile(50), "latency_p99_us": latency.percentile(99)}
        facts |= {f"refused.{code}": count for code, count in period.codes.most_common()}
        text = (
            f"{counts['transactions']} transactions in {seconds:.0f} s: {counts['reads']} reads, "
            f"{counts['writes']} writes, {counts['refused']} refused, {counts['held']} held"
        )
        lost = counts["lost_transactions"] + counts["lost_records"]
        if lost:
            text = f"{lost} events never reached the recorder in {seconds:.0f} s"
        severity = Severity.MEDIUM if lost else Severity.INFO
        return Record(new_id, RecordKind.SUMMARY, now, severity, text, conduit=conduit, facts=facts)
