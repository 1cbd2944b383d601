"""Thirty-two numbers that describe how one client talked during one window: rates, mix, rhythm, novelty, failures.

Taken from the raw ADUs (a few bytes each), so that also functions without a law are counted. The order of FEATURES is
the order of the flow model's columns; a change here makes another model (`DEFINITION` goes into its manifest).
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Container, Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from math import log, log1p, log2
from typing import Final

from icsguard.core.clock import MS, SECOND
from icsguard.core.transaction import Outcome, Transaction

FEATURES: Final = (
    "rate",
    *(f"share_fc_{code}" for code in (1, 2, 3, 4, 5, 6, 15, 16)),
    "share_fc_22_23",
    "share_diagnostics",
    "share_identity_files",
    "share_other_functions",
    "share_writes",
    "share_exceptions",
    "share_refused",
    "share_unanswered",
    "function_entropy",
    "symbol_entropy",
    "distinct_symbols",
    "distinct_units",
    "distinct_functions",
    "share_new_symbols",
    "gap_mean",
    "gap_p95",
    "gap_variation",
    "answer_p50",
    "answer_p95",
    "bytes_out",
    "bytes_in",
    "quantity",
    "share_repeated",
)
DEFINITION: Final = "flow-features/1"
MAX_WINDOW: Final = 4_096  # transactions of one window; a flood fills it and the rate alone then tells
LEAST: Final = 8
"""Fewer transactions than this say nothing about a flow."""

_WRITES: Final = frozenset({5, 6, 15, 16, 22, 23})
_COUNTED: Final = frozenset({1, 2, 3, 4, 15, 16, 23})
_IDENTITY: Final = frozenset({7, 11, 12, 17, 20, 21, 24, 43})
_SINGLE: Final = (1, 2, 3, 4, 5, 6, 15, 16)
_READ_MOST: Final = 125
_UNANSWERED: Final = frozenset(
    {Outcome.UNREACHABLE, Outcome.TIMED_OUT, Outcome.UNKNOWN, Outcome.DROPPED, Outcome.ABANDONED}
)


def symbol(request: bytes) -> int:
    """Return a digest of what is asked for: unit, function, start and, where the function has one, quantity."""
    counted = len(request) > 7 and request[7] in _COUNTED  # noqa: PLR2004 - the function code's place
    return zlib.crc32(request[6 : 12 if counted else 10])


@dataclass(slots=True)
class FlowWindow:
    """What one client did since `since`."""

    since: int
    items: list[Transaction] = field(default_factory=list)
    shed: int = 0
    """Transactions beyond MAX_WINDOW: counted in the rate only."""

    def add(self, transaction: Transaction) -> None:
        """Take one more transaction."""
        if len(self.items) < MAX_WINDOW:
            self.items.append(transaction)
        else:
            self.shed += 1


def features(window: FlowWindow, until: int, known: Container[int]) -> tuple[float, ...]:
    """Return the window's numbers in the order of FEATURES; `known` are the symbols of learning."""
    items = window.items
    count = max(len(items), 1)
    codes = Counter(one.request[7] if len(one.request) > 7 else 0 for one in items)  # noqa: PLR2004 - the function code's place
    symbols = [symbol(one.request) for one in items]
    counts = Counter(symbols)
    seconds = max((until - window.since) / SECOND, 0.001)
    repeated = sum(one == other for one, other in pairwise(symbols))
    return (
        log1p((len(items) + window.shed) / seconds),
        *(codes[code] / count for code in _SINGLE),
        (codes[22] + codes[23]) / count,
        codes[8] / count,
        sum(codes[code] for code in _IDENTITY) / count,
        sum(number for code, number in codes.items() if not _is_common(code)) / count,
        sum(codes[code] for code in _WRITES) / count,
        *_failures(items, count),
        _entropy(codes),
        _entropy(counts),
        log1p(len(counts)),
        log1p(len({one.request[6:7] for one in items})),
        log1p(len(codes)),
        sum(number for one, number in counts.items() if one not in known) / count,
        *_rhythm(items),
        log1p(sum(len(one.request) for one in items) / count),
        log1p(sum(len(one.response) for one in items) / count),
        sum(_quantity(one.request) for one in items) / count,
        repeated / count,
    )


def _is_common(code: int) -> bool:
    return code in _SINGLE or code in _IDENTITY or code in {8, 22, 23}


def _failures(items: Iterable[Transaction], count: int) -> tuple[float, float, float]:
    ends = Counter(one.outcome for one in items)
    unanswered = sum(ends[outcome] for outcome in _UNANSWERED)
    return ends[Outcome.EXCEPTION] / count, ends[Outcome.REFUSED] / count, unanswered / count


def _rhythm(items: list[Transaction]) -> tuple[float, float, float, float, float]:
    """Return mean and 95 % of the gaps (log ms), their variation, and median and 95 % of the answer times (log ms)."""
    gaps = [max(b.request_at - a.request_at, 0) / MS for a, b in pairwise(items)] or [0.0]
    waits = [max(one.response_at - one.request_at, 0) / MS for one in items if one.response_at] or [0.0]
    mean = sum(gaps) / len(gaps)
    spread = (sum((gap - mean) ** 2 for gap in gaps) / len(gaps)) ** 0.5
    variation = min(spread / mean, 5.0) if mean > 0 else 0.0
    return _ms(mean), _ms(_at(gaps, 0.95)), variation, _ms(_at(waits, 0.5)), _ms(_at(waits, 0.95))


def _ms(value: float) -> float:
    return log(value + 0.1)


def _at(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def _entropy(counts: Counter[int]) -> float:
    total = sum(counts.values())
    return -sum(n / total * log2(n / total) for n in counts.values()) if total else 0.0


def _quantity(request: bytes) -> float:
    if len(request) < 12 or request[7] not in _COUNTED:  # noqa: PLR2004 - MBAP, function, start, quantity
        return 0.0
    return min(int.from_bytes(request[10:12], "big") / _READ_MOST, 20.0)
