"""Fresh traffic does not teach a model that is in use: it waits, and what was alarming in it never teaches by itself.

Whoever drips attacks into the learning data must stay unnoticed for a week. An hour may teach when it is that old and
no alarm lies in it or beside it, but for alarms that a human has looked at and closed.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final, NamedTuple

from icsguard.core.clock import DAY, HOUR
from icsguard.core.transaction import Transaction

WAIT_NS: Final = 7 * DAY
SEGMENT_NS: Final = HOUR
BESIDE: Final = 1
"""Hours before and after one with an alarm that are held back with it."""


class Released(NamedTuple):
    """What may teach, and how much may not."""

    transactions: list[Transaction]
    young: int
    """Transactions that have not waited long enough."""
    alarmed: int
    """Transactions of hours with an open alarm in or beside them."""


def released(
    transactions: Sequence[Transaction],
    alarms: Sequence[tuple[int, str]],
    now: int,
    *,
    wait_ns: int = WAIT_NS,
    closed: Collection[str] = (),
) -> Released:
    """Return what may teach at `now`. `alarms`: (when, record id); `closed`: ids that a human has dealt with."""
    held: set[int] = set()
    for at, name in alarms:
        if name not in closed:
            hour = at // SEGMENT_NS
            held.update(range(hour - BESIDE, hour + BESIDE + 1))
    kept: list[Transaction] = []
    young = alarmed = 0
    for one in transactions:
        hour = one.request_at // SEGMENT_NS
        if (hour + 1) * SEGMENT_NS > now - wait_ns:
            young += 1
        elif hour in held:
            alarmed += 1
        else:
            kept.append(one)
    return Released(kept, young, alarmed)
