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

_MULTIPLIER: Final = 1_664_525  # of the linear congruential generator of Numerical Recipes: spread, not secrecy


class Pacing:
    """The pause between attempts to reach one device."""

    __slots__ = ("_longest", "_not_before", "_pause", "_seed")

    def __init__(self, seed: int = 0, longest: int = MAX_PAUSE_NS) -> None:
        self._pause = 0
        self._not_before = 0
        self._longest = longest
        self._seed = seed
        """Where the jitter comes from; 0 for none."""

    @property
    def is_failing(self) -> bool:
        """Say whether the last attempt failed."""
        return self._pause > 0

    @property
    def not_before(self) -> int:
        """The `now` at which the next attempt may be made."""
        return self._not_before

    def allows(self, now: int) -> bool:
        """Say whether an attempt may be made now."""
        return now >= self._not_before

    def failed(self, now: int) -> None:
        """Begin a pause, twice as long as the one before."""
        self._pause = min(max(FIRST_PAUSE_NS, 2 * self._pause), self._longest)
        self._not_before = now + self._pause + self._jitter()

    def succeeded(self) -> None:
        """Forget all pauses."""
        self._pause = 0
        self._not_before = 0

    def _jitter(self) -> int:
        """Return up to half a pause more, another amount each time: gateways that lost a device together come apart."""
        if not self._seed:
            return 0
        self._seed = (self._seed * _MULTIPLIER + 1) % (1 << 32) or 1
        return self._pause * (self._seed >> 16) >> 17
