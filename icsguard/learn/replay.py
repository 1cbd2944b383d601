"""`icsguard replay`: what would have happened, had icsguard enforced its policy on this recording.

The running gateway's own pure code judges every byte, so the answer is the gateway's and not an estimate of it. The
same recording and settings give the same report, byte for byte.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from icsguard.config.settings import Conduit
from icsguard.core.decision import Decision, Mode
from icsguard.core.finding import Finding
from icsguard.core.meaning import Intent
from icsguard.core.record import Record, RecordKind, Severity
from icsguard.core.transaction import Outcome, Transaction
from icsguard.evidence.escape import plain
from icsguard.evidence.stamp import stamp
from icsguard.learn.bounds import upper_bound
from icsguard.learn.direction import Wire
from icsguard.learn.pairing import Pairing
from icsguard.learn.player import Judging, Player, wires_of
from icsguard.learn.reassembly import Endpoint
from icsguard.learn.traffic import MODBUS_PORTS, choose_device, from_journal, wires
from icsguard.protocols.registry import PROTOCOLS

MAX_EXAMPLES: Final = 3
"""Records shown of each kind of event."""
MAX_GROUNDS: Final = 200
"""Kinds of event told apart; further ones are counted together."""


@dataclass(slots=True)
class Ground:
    """One kind of event: how often, and a few examples."""

    decision: str
    """`refuse`, `hold`, `alert`, `isolate`, or the kind of record where nothing was decided."""
    code: str
    """The weightiest reason's code, or the finding's."""
    rule: str
    count: int = 0
    clients: Counter[str] = field(default_factory=Counter)
    examples: list[Record] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ReplayReport:
    """What would have happened."""

    conduit: str
    source: str
    mode: Mode
    policy_digest: str
    since: int
    until: int
    """Of the recording, ns since the epoch."""
    counts: dict[str, int]
    """What the recording held and what the reader could not use."""
    decisions: dict[str, int]
    """Requests by what would have been done: `allow`, `alert`, `hold`, `refuse`, `isolate`."""
    writes: int
    writes_stopped: int
    grounds: tuple[Ground, ...]
    closed: int
    """Connections that icsguard would have closed."""
    turned_away: int
    """Connections that an isolation would not have admitted."""

    @property
    def requests(self) -> int:
        """All requests."""
        return sum(self.decisions.values())

    @property
    def stopped(self) -> int:
        """Requests that the device would not have seen."""
        return sum(count for name, count in self.decisions.items() if name in {"hold", "refuse", "isolate"})

    @property
    def bound(self) -> float:
        """Upper 95 % bound on the share of requests that are stopped wrongly, if this recording is all benign."""
        return upper_bound(self.stopped, self.requests)

    def lines(self) -> list[str]:
        """Return the report as text."""
        return list(_lines(self))


class _Tally:
    """Counts what a player says."""

    def __init__(self) -> None:
        self.decisions: Counter[str] = Counter()
        self.writes = self.writes_stopped = 0
        self.since = self.until = 0
        self._grounds: dict[tuple[str, str, str], Ground] = {}

    def transaction(self, one: Transaction) -> None:
        decision = Decision(one.decision)
        self.decisions[decision.name.lower()] += 1
        self.since = min(self.since or one.request_at, one.request_at)
        self.until = max(self.until, one.request_at)
        if PROTOCOLS["modbus"].meaning(one.request).intent is not Intent.READ:
            self.writes += 1
            self.writes_stopped += one.outcome == Outcome.REFUSED

    def record(self, record: Record) -> None:
        code, rule = record.layer, ""
        if record.reasons:
            weightiest = max(record.reasons, key=lambda reason: reason.decision)
            code, rule = weightiest.code, weightiest.rule
        elif record.findings:
            code = record.findings[0].code
        what = record.kind.value if record.decision in {"", "allow"} else record.decision
        self._count((what, code, rule), record, record.repeated)

    def finding(self, finding: Finding) -> None:
        record = Record("finding", RecordKind.FINDING, finding.at, Severity.LOW, finding.text, client=finding.client)
        self._count((f"finding ({finding.decision.name.lower()})", finding.code, ""), record, 1)

    def grounds(self) -> tuple[Ground, ...]:
        return tuple(sorted(self._grounds.values(), key=lambda one: (-one.count, one.decision, one.code, one.rule)))

    def _count(self, key: tuple[str, str, str], record: Record, count: int) -> None:
        if key not in self._grounds and len(self._grounds) >= MAX_GROUNDS:
            key = ("other", "other", "")
        ground = self._grounds.setdefault(key, Ground(*key))
        ground.count += count
        ground.clients[record.client] += count
        if len(ground.examples) < MAX_EXAMPLES:
            ground.examples.append(record)


def replay_capture(
    path: Path,
    conduit: Conduit,
    *,
    mode: Mode = Mode.ENFORCE,
    shadow: Judging | None = None,
    ports: frozenset[int] = MODBUS_PORTS,
    device: Endpoint | None = None,
) -> ReplayReport:
    """Replay a pcap or pcapng file. Raises CaptureError where it can not be read or holds several devices."""
    counts: Counter[str] = Counter()
    read = list(wires(path, counts, ports))
    pairing = Pairing(conduit.name, Counter())
    for wire in read:
        pairing.feed(wire)
    chosen = choose_device(dict(pairing.devices), device or (conduit.device_host, conduit.device_port))
    mine = [wire for wire in read if wire.device == chosen]
    return replay_wires(mine, conduit, mode=mode, shadow=shadow, source=path.name, counts=counts)


def replay_journal(
    path: Path, conduit: Conduit, *, mode: Mode = Mode.ENFORCE, shadow: Judging | None = None
) -> ReplayReport:
    """Replay the recorder's journal. Raises JournalError or OSError."""
    traffic = from_journal(path, conduit.name)
    counts = Counter(traffic.counts)
    played = wires_of(traffic.transactions)
    return replay_wires(played, conduit, mode=mode, shadow=shadow, source=path.name, counts=counts)


def replay_wires(
    played: Iterable[Wire],
    conduit: Conduit,
    *,
    mode: Mode = Mode.ENFORCE,
    shadow: Judging | None = None,
    source: str = "",
    counts: Counter[str] | None = None,
) -> ReplayReport:
    """Replay byte streams in the order of time."""
    tally = _Tally()
    player = Player(
        conduit,
        mode,
        shadow=shadow,
        on_transaction=tally.transaction,
        on_record=tally.record,
        on_finding=tally.finding,
    )
    player.play(played)
    return ReplayReport(
        conduit.name,
        source,
        mode,
        player.guard.judge.digest,
        tally.since,
        tally.until,
        dict(sorted((counts or Counter()).items())),
        dict(sorted(tally.decisions.items(), key=lambda item: Decision[item[0].upper()])),
        tally.writes,
        tally.writes_stopped,
        tally.grounds(),
        player.closed,
        player.turned_away,
    )


def _lines(report: ReplayReport) -> Iterable[str]:
    would = "would have" if report.mode is Mode.ENFORCE else f"in mode {report.mode} would have"
    yield f"{plain(report.conduit)}, policy {report.policy_digest[:12] or 'none'}, {plain(report.source)}"
    if not report.requests:
        yield "the recording holds no request"
        return
    yield f"{report.requests} requests from {stamp(report.since)} to {stamp(report.until)}, {report.writes} may write"
    yield "  " + ", ".join(f"{name} {count}" for name, count in report.decisions.items())
    yield (
        f"{would} stopped {report.stopped} of {report.requests} (writes: {report.writes_stopped} of {report.writes}); "
        f"if all of this is wanted, false refusals are below {report.bound:.2g} of requests (95 % bound)"
    )
    if report.closed or report.turned_away:
        yield f"{would} closed {report.closed} connections and not admitted {report.turned_away}"
    for ground in report.grounds:
        rule = f" [{plain(ground.rule)}]" if ground.rule else ""
        clients = ", ".join(f"{plain(name)} {count}" for name, count in sorted(ground.clients.items())[:MAX_EXAMPLES])
        yield f"{ground.count} x {ground.decision}: {plain(ground.code)}{rule}; {clients}"
        for record in ground.examples:
            yield f"    {stamp(record.at)} {plain(record.text)}"
