"""What the twin warns of needs two people: the first asks, another one says the same within some minutes.

Cutting a client off is meant as help. Where the twin sees that it would lead the plant out of its safe range, which
doing nothing would not, one person alone may not do it. Where the twin cannot say, one is enough.
"""

from __future__ import annotations

from typing import Final

from icsguard.core.clock import MINUTE
from icsguard.core.sandbox import Option, Play, Sandbox

WINDOW_NS: Final = 10 * MINUTE
MAX_PENDING: Final = 64  # first approvals kept; the oldest is forgotten, and must be given again

Deed = tuple[str, ...]
"""What shall be done: the verb, the client, how far, where."""


class SecondOpinions:
    """First approvals that wait for a second one."""

    def __init__(self) -> None:
        self._pending: dict[Deed, tuple[str, int]] = {}

    def approve(self, deed: Deed, operator: str, now: int) -> str:
        """Take an approval; return who gave the first one where this is the second, else nothing."""
        first = self._pending.get(deed)
        if first is not None and first[0] != operator and now - first[1] <= WINDOW_NS:
            del self._pending[deed]
            return first[0]
        self._pending.pop(deed, None)
        while len(self._pending) >= MAX_PENDING:
            del self._pending[next(iter(self._pending))]
        self._pending[deed] = operator, now
        return ""


def isolation_of(client: str) -> tuple[Option, ...]:
    """Return what the sandbox is asked before a client is isolated."""
    return (Option(Play.ISOLATE, client=client),)


def warning(result: Sandbox | None) -> str:
    """Return why the tried remedy wants a second person; empty where it does not."""
    for one in result.options if result is not None else ():
        if one.is_worse and one.violations:
            worst = one.violations[0]
            return (
                f"{one.name} leaves the safe range: {worst.point} reaches {worst.predicted:.4g} "
                f"(limit {worst.limit:g}) in {worst.seconds:.0f} s"
            )
    return ""
