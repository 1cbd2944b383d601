"""Words that rules of every protocol share: what a rule does, when it holds, how often it may be used."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from icsguard.core.decision import Decision


class Action(StrEnum):
    """What a rule asks for where it applies. Nothing is permitted that no rule permits."""

    ALLOW = "allow"
    ALERT = "alert"
    """Permit and raise an alert."""
    HOLD = "hold"
    """A human approves each one: answered busy at once, a ticket opens."""
    DENY = "deny"
    """Refuse, whatever other rules permit; names the reason and the technique."""

    @property
    def decision(self) -> Decision:
        """The decision that this action asks for."""
        return _DECISIONS[self]


_DECISIONS = {
    Action.ALLOW: Decision.ALLOW,
    Action.ALERT: Decision.ALERT,
    Action.HOLD: Decision.HOLD,
    Action.DENY: Decision.REFUSE,
}


class OnUnknown(StrEnum):
    """What happens to a write whose step or changed bits cannot be judged, as the present value is not known."""

    REFUSE = "refuse"
    """Not known, not permitted: the default."""
    LIMITS_ONLY = "limits_only"
    """Judge by minimum, maximum and allowed values alone; for points that no client ever reads."""


class Window(NamedTuple):
    """A weekly time window in the policy's time zone, whole minutes."""

    days: tuple[int, ...]
    """0 for Monday to 6 for Sunday; the day on which it opens."""
    start: int
    """Minute of the day, 0 to 1439."""
    end: int
    """Minute of the day, 1 to 1440, excluded; below `start` it closes on the next day."""


class Rate(NamedTuple):
    """A bucket of `burst` requests for each client, filled again in `period_ns`: `10/s` is 10 at once, 10 a second."""

    burst: int
    period_ns: int
