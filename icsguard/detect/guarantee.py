"""Does the promised number of false alarms still hold? Watched beside the alarms, and told when it does not.

Three watches. *Counts*: so many separate alarms within an hour or a day as the budget makes next to impossible. *A
martingale* over the conformal p-values of blocks that were not alarmed: a bet, block after block, that they are smaller
than chance makes them. While the plant is what it was the stake hardly grows; above 100 nobody should believe it any
more. Neighbouring short blocks share their rows' memory, so that several bets are placed in turn, each on blocks that
are apart, and their mean counts. *Unrest*: how far the step ahead misses all points on average, over an hour, beyond
what any clean hour showed; scores are made of the one worst miss, so that they tell a plant that became noisier late.

While suspended, alarms are still told, and rules still decide; what statistics would have held falls back to an alert.
Thresholds stay as they are: what learns from alarms learns the attack.
"""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime
from math import exp
from typing import Final, NamedTuple

from icsguard.core.clock import DAY, HOUR, SECOND
from icsguard.detect.calibration import APART, p_value
from icsguard.twin.site_model import NO_UNREST, Calibration, Unrest

SUSPENDED: Final = 100.0
"""Stake at which the guarantee is suspended; from one filling to the next a chance of one in a hundred at most."""
QUIET_NS: Final = 6 * HOUR
"""It holds again after so long without a sign: bets begin anew each time, and find a lasting change well before."""
FORGOTTEN_NS: Final = 600 * SECOND
"""Blocks so far apart have forgotten each other: so many bets as there are blocks within it are placed in turn."""
POWERS: Final = (0.2, 0.5, 1.0)
"""Bets on p: power * p ** (power - 1). The last one bets nothing, and keeps a third of the stake from loss."""
UNREST_NS: Final = HOUR
"""Window over which unrest is averaged; blocks that were alarmed are left out, as an attack is no unrest."""
LEAST_UNREST: Final = DAY
"""Fewer clean blocks do not know the highest hour."""
JUMP: Final = 0.05
"""Share of the stake dealt anew at each block. A stake below 1 is filled up: quiet weeks must not make it deaf."""
LASTING: Final = 3_000 * SECOND
"""One that still goes on after so long counts again: a plant that alarms without end keeps no promise."""
MAX_ALARMS: Final = 64  # kept of the last day; so many are far too many for any budget
WATCHED: Final = ((HOUR, 1e-3), (DAY, 5e-3))
"""Windows, with the chance below which a number of alarms in them is no accident."""
_LEAST_SEEN: Final = HOUR
"""Before so much time was watched no rate is told."""


class Rates(NamedTuple):
    """Alarms a day."""

    budget: float
    """What the threshold promises, with 95 % confidence, not to exceed."""
    expected: float
    """What the clean blocks make likely."""
    actual: float | None
    """What was counted since the shadow started; None while that is too short ago."""


class Guarantee:
    """The watch over one alarm's calibration."""

    def __init__(self, calibration: Calibration, unrest: Unrest = NO_UNREST) -> None:
        self._calibration = calibration
        self._highest = unrest.highest
        self._unrest: deque[float] = deque(maxlen=window_blocks(calibration.block_ns))
        self._lags = max(1, FORGOTTEN_NS // max(calibration.block_ns, 1))
        self._bets = self._new_bets()
        self._turn = self._sign_at = 0
        self._alarms: deque[int] = deque(maxlen=MAX_ALARMS)
        self._last_alarm = -DAY
        self.alarms = 0
        """Separate alarms since the start."""
        self.watched_ns = 0
        self.suspended_since = 0
        """0 while the guarantee holds (or none was given)."""
        self._most = [(window, _most(calibration.per_day * window / DAY, chance)) for window, chance in WATCHED]

    @property
    def is_given(self) -> bool:
        """Say whether learning had enough clean blocks for a guarantee."""
        return self._calibration.rank > 0

    @property
    def stake(self) -> float:
        """Return what the bets have become; 1 at the start."""
        return sum(sum(bet) for bet in self._bets) / self._lags

    def alarm(self, at: int) -> None:
        """Take a score above the threshold."""
        if at - self._last_alarm >= APART or at - self._alarms[-1] >= LASTING:
            self._alarms.append(at)
            self.alarms += 1
        self._last_alarm = at

    def block(self, score: float, at: int, unrest: float = 0.0) -> None:
        """Take the highest score of a finished block, and the mean unrest of its rows."""
        self.watched_ns += self._calibration.block_ns
        if not self.is_given:
            return
        if score <= self._calibration.threshold:
            self._bet(p_value(self._calibration, score))
            self._unrest.append(unrest)
        many = any(self._count(window, at) >= most for window, most in self._most)
        if many or self.stake > SUSPENDED or self._is_restless():
            self.suspended_since = self.suspended_since or at
            self._bets, self._sign_at = self._new_bets(), at
        elif at - self._sign_at >= QUIET_NS:
            self.suspended_since = 0

    def rates(self) -> Rates:
        """Return budget, expected and actual alarms a day."""
        one = self._calibration
        expected = one.rank / (len(one.blocks) + 1) * DAY / one.block_ns
        actual = self.alarms * DAY / self.watched_ns if self.watched_ns >= _LEAST_SEEN else None
        return Rates(one.per_day, expected, actual)

    def facts(self) -> dict[str, int | float]:
        """Return what the status tells by name: rates a day, `guarantee_suspended_since` in seconds (0: it holds)."""
        rates = self.rates()
        told: dict[str, int | float] = {
            "alarms": self.alarms,
            "alarm_budget": round(rates.budget, 4),
            "alarms_expected": round(rates.expected, 4),
            "guarantee_suspended_since": self.suspended_since // SECOND,
        }
        return told if rates.actual is None else told | {"alarms_actual": round(rates.actual, 4)}

    def _bet(self, p: float) -> None:
        self._turn = (self._turn + 1) % self._lags
        bets = self._bets[self._turn]
        dealt = JUMP * sum(bets) / len(POWERS)
        bets = [((1.0 - JUMP) * one + dealt) * k * p ** (k - 1.0) for one, k in zip(bets, POWERS, strict=True)]
        filled = max(1.0 / sum(bets), 1.0)
        self._bets[self._turn] = [one * filled for one in bets]

    def _new_bets(self) -> list[list[float]]:
        return [[1.0 / len(POWERS)] * len(POWERS) for _ in range(self._lags)]

    def _is_restless(self) -> bool:
        seen = self._unrest
        return 0.0 < self._highest < sum(seen) / (seen.maxlen or 1)  # not yet full: too low, and nothing is told

    def _count(self, window: int, at: int) -> int:
        return sum(at - one < window for one in self._alarms)


def window_blocks(block_ns: int) -> int:
    """Return over how many blocks unrest is averaged."""
    return max(UNREST_NS // max(block_ns, 1), 1)


def promise(one: Guarantee) -> str:
    """Return in a few words what is promised and what was counted."""
    budget, expected, actual = one.rates()
    counted = "not yet known" if actual is None else f"{actual:.2g}"
    if not one.is_given:
        return f"too few clean blocks for a guarantee (at most {budget:.3g} false alarms/day), actual {counted}"
    rates = f"false alarms/day: budget {budget:.3g}, expected {expected:.2g}, actual {counted}"
    if not one.suspended_since:
        return rates
    since = datetime.fromtimestamp(one.suspended_since // SECOND, UTC)
    return f"guarantee suspended since {since:%Y-%m-%d %H:%M} UTC; {rates}"


def _most(expected: float, chance: float) -> int:
    """Return the smallest count that happens with at most `chance` where so many are expected (Poisson); at least 2."""
    term = exp(-expected)
    below, count = term, 1
    while 1.0 - below > chance and count < MAX_ALARMS:
        term *= expected / count
        below += term
        count += 1
    return max(count, 2)
