"""Traffic to learn from: the transactions of a capture file or of the recorder's journal, the same either way.

What a journal says of incidents is applied here: traffic of a client that was isolated or about which something grave
was found, and whatever icsguard stopped, is no example of how the plant is meant to be operated.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from icsguard.core.clock import SECOND
from icsguard.core.decision import Decision
from icsguard.core.record import Record, RecordKind
from icsguard.core.transaction import Outcome, Transaction
from icsguard.learn.capture import CaptureError, segments
from icsguard.learn.direction import Directions, Wire
from icsguard.learn.pairing import Pairing, numbered
from icsguard.learn.reassembly import Endpoint, Reassembly
from icsguard.runtime.journal import entries

MODBUS_PORTS: Final = frozenset({502})
AROUND_NS: Final = 60 * SECOND
"""Before and after a grave finding about a client, what it does is no example."""
GRAVE: Final = frozenset({"hold", "refuse", "isolate"})
_FOR_EVER: Final = 1 << 63
_Span = tuple[int, int]
LEARNABLE: Final = frozenset({Outcome.ANSWERED, Outcome.NO_ANSWER_DUE})
"""Only what the device did as asked is an example; exceptions and silence are counted, not permitted."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """Transactions and where they came from."""

    transactions: tuple[Transaction, ...]
    counts: dict[str, int]
    """What was read, dropped and not understood, by name."""
    devices: dict[Endpoint, int] = field(default_factory=dict)
    """Requests for each device of a capture."""
    source: str = ""
    """Name of the file, without its folder: a proposal is the same wherever it lay."""
    alarms: tuple[tuple[int, str], ...] = ()
    """When something was found in it by icsguard itself, with the record's id."""


def wires(path: Path, counts: Counter[str], ports: frozenset[int] = MODBUS_PORTS) -> Iterator[Wire]:
    """Yield the byte streams of a capture in time order. Raises CaptureError."""
    reassembly, directions = Reassembly(counts), Directions(ports, counts)
    for segment in segments(path, counts):
        for piece in reassembly.feed(segment):
            yield from directions.feed(piece)
    for piece in reassembly.rest():
        yield from directions.feed(piece)
    yield from directions.rest()


def from_capture(
    path: Path, conduit: str, *, ports: frozenset[int] = MODBUS_PORTS, device: Endpoint | None = None
) -> Traffic:
    """Read a pcap or pcapng file; `device` keeps the traffic of one device only. Raises CaptureError."""
    counts: Counter[str] = Counter()
    pairing = Pairing(conduit, counts)
    found: list[Transaction] = []
    for wire in wires(path, counts, ports):
        if device is None or wire.device == device:
            found += pairing.feed(wire)
    found += pairing.rest()
    return Traffic(numbered(found), dict(sorted(counts.items())), dict(pairing.devices), path.name)


def choose_device(devices: dict[Endpoint, int], wanted: Endpoint | None) -> Endpoint:
    """Return the device of a capture that a conduit means.

    Raises CaptureError where the capture has none, or several and not the wanted one: learning two devices as one would
    permit on each what only the other needs.
    """
    if wanted is not None and wanted in devices:
        return wanted
    if len(devices) == 1:
        return next(iter(devices))
    if not devices:
        raise CaptureError("the capture holds no Modbus request; is the device on another port? type: --port PORT")
    names = ", ".join(f"{host}:{port} ({count} requests)" for (host, port), count in sorted(devices.items()))
    raise CaptureError(f"the capture holds several devices: {names}; type: --device HOST:PORT")


def from_journal(path: Path, conduit: str) -> Traffic:
    """Read the recorder's journal. Raises JournalError or OSError."""
    counts: Counter[str] = Counter()
    flows: dict[tuple[str, int], int] = {}
    kept: list[Transaction] = []
    records: list[Record] = []
    for entry in entries(path):
        counts["lost"] += entry.lost
        records += entry.records
        for one in entry.transactions:
            # Flow numbers begin anew with each run of the gateway: sessions are counted over all of them.
            flow = flows.setdefault((entry.run, one.flow), len(flows) + 1)
            kept.append(one._replace(flow=flow, conduit=conduit))
    counts["transactions"] = len(kept)
    counts["sessions"] = len(flows)
    good = _without_incidents(kept, records, counts)
    alarms = tuple((one.at, one.id) for one in records if one.kind is RecordKind.FINDING)
    return Traffic(numbered(good), dict(sorted(counts.items())), {}, path.name, alarms)


def learnable(transactions: Iterable[Transaction], counts: Counter[str]) -> Iterator[Transaction]:
    """Yield what may serve as an example; count under `counts` what may not and why."""
    for one in transactions:
        if one.decision > Decision.ALERT or one.outcome == Outcome.REFUSED:
            counts["stopped_by_icsguard"] += 1
        elif one.decision == Decision.ALERT:
            counts["alerted"] += 1
        elif one.outcome == Outcome.EXCEPTION:
            counts["exceptions"] += 1
        elif one.outcome not in LEARNABLE:
            counts["not_answered"] += 1
        else:
            yield one


def _without_incidents(
    transactions: Sequence[Transaction], records: Sequence[Record], counts: Counter[str]
) -> list[Transaction]:
    """Leave out what a client did while it was isolated, even reads that were let through, or around an incident."""
    isolations, incidents = _isolations(records), _incidents(records)
    kept = []
    for one in transactions:
        if _is_within(one, isolations):
            counts["under_isolation"] += 1
        elif _is_within(one, incidents):
            counts["around_incident"] += 1
        else:
            kept.append(one)
    return kept


def _is_within(one: Transaction, spans: dict[str, list[_Span]]) -> bool:
    return any(since <= one.request_at < until for since, until in spans.get(one.client, ()))


def _incidents(records: Sequence[Record]) -> dict[str, list[_Span]]:
    """Return for each client when the shadow found something about it that asked for more than an alert."""
    spans: dict[str, list[_Span]] = {}
    for record in records:
        if record.kind is RecordKind.FINDING and record.would_be in GRAVE and record.client:
            spans.setdefault(record.client, []).append((record.at - AROUND_NS, record.at + AROUND_NS))
    return spans


def _isolations(records: Sequence[Record]) -> dict[str, list[_Span]]:
    """Return for each client when it was isolated: from, until (excluded)."""
    spans: dict[str, list[_Span]] = {}
    for record in sorted((one for one in records if one.kind is RecordKind.ISOLATION), key=lambda one: one.at):
        mine = spans.setdefault(record.client, [])
        if record.facts.get("what") == "isolated":
            mine.append((record.at, int(record.facts.get("until") or 0) or _FOR_EVER))
        elif record.facts.get("what") == "released" and mine:
            since, until = mine[-1]
            mine[-1] = (since, min(until, record.at))
    return spans
