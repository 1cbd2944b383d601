"""When the device may be called again after it did not answer the call: soon, then less soon, never far apart.

Requests that come in the pause are answered 0x0A at once. The pause is one for all clients of a conduit, so a device
that comes back is not met by a storm of connections.
"""

from __future__ import annotations

from typing import Final

from icsguard.core.clock import MS

FIRST_PAUSE_NS: Final = 50 * MS
MAX_PAUSE_NS: Final = 800 * MS
"""A device that is back is served again within a second, the next poll included."""


class Pacing:
    """The pause between attempts to reach one device."""

    __slots__ = ("_not_before", "_pause")

    def __init__(self) -> None:
        self._pause = 0
        self._not_before = 0

    @property
    def is_failing(self) -> bool:
        """Say whether the last attempt failed."""
        return self._pause > 0

    def allows(self, now: int) -> bool:
        """Say whether an attempt may be made now."""
        return now >= self._not_before

    def failed(self, now: int) -> None:
        """Begin a pause, twice as long as the one before."""
        self._pause = min(max(FIRST_PAUSE_NS, 2 * self._pause), MAX_PAUSE_NS)
        self._not_before = now + self._pause

    def succeeded(self) -> None:
        """Forget all pauses."""
        self._pause = 0
        self._not_before = 0
