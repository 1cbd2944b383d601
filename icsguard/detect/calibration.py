"""From clean scores to a threshold, with the guarantee that the number of blocks allows, and no more.

Work is done in blocks (the maximum over a minute), not packets. What operators count is alarms, and blocks of one
episode that follow each other are one alarm: so the threshold is the k-th largest peak of the clean blocks, peaks being
APART. k is the largest for which, with 95 % confidence, at most the wanted number of alarms a day follows (the chance
that a new block brings an alarm is Beta(k, n-k+1) distributed). Too few blocks: the maximum with a margin, and the
bound that they can vouch for is told instead. The guarantee is about false alarms while the plant stays what it was;
none is about attacks.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, lgamma, log, log1p
from typing import Final

from icsguard.core.clock import DAY, SECOND
from icsguard.twin.site_model import Calibration

BLOCK_NS: Final = 60 * SECOND
APART: Final = 600 * SECOND
"""An alarm so soon after the last one is the same one, still going on."""
MAX_BLOCKS: Final = 50_000  # about 35 days; beyond, every second one is dropped by the caller's choice of period
CONFIDENCE: Final = 0.95
FEW: Final = 10
"""Below so many blocks the threshold is twice the largest clean score."""
MANY: Final = 1_440
"""From so many on it is the largest itself, guarantee or not: the bound that is told says what that may cost."""
_FEW_MARGIN: Final = 2.0
_MARGIN: Final = 1.2
MAX_DRIFT: Final = 1e6
"""A slow path that clean blocks drive beyond this is switched off: an attack would have to drive it further."""
_DRIFT_MARGIN: Final = 10.0  # twice what a week reached is reached again within the next one (measured)


def calibrate(blocks: Sequence[float], *, block_ns: int = BLOCK_NS, per_day: float = 1.0) -> Calibration:
    """Return the threshold for at most `per_day` alarms a day, from the maxima of clean blocks in their order."""
    ordered = tuple(sorted(blocks))[-MAX_BLOCKS:]
    count = len(ordered)
    if not count:
        return Calibration(block_ns=block_ns, per_day=DAY / block_ns)
    a_day = DAY / block_ns
    k = rank(count, min(per_day / a_day, 1.0))
    if k:
        found = peaks(blocks[-MAX_BLOCKS:], k, max(APART // block_ns, 1))
        if len(found) == k:
            return Calibration(ordered, block_ns, found[-1], k, per_day, _drift_limit(blocks, ordered, a_day, per_day))
    margin = _FEW_MARGIN if count < FEW else _MARGIN if count < MANY else 1.0
    bound = 1.0 - (1.0 - CONFIDENCE) ** (1.0 / count)  # none of n exceeded: the rule of three, exactly
    return Calibration(ordered, block_ns, ordered[-1] * margin, 0, bound * a_day)


def peaks(blocks: Sequence[float], most: int, apart: int) -> list[float]:
    """Return the highest blocks, falling, at most so many; one less than `apart` from a higher one is the same peak."""
    taken: set[int] = set()
    found: list[float] = []
    for index in sorted(range(len(blocks)), key=lambda one: -blocks[one]):
        if len(found) == most:
            break
        if taken.isdisjoint(range(index - apart + 1, index + apart)):
            found.append(blocks[index])
        taken.add(index)
    return found


def _drift_limit(blocks: Sequence[float], ordered: tuple[float, ...], a_day: float, per_day: float) -> float:
    """Return what the slow path must reach: the theory's limit, or a multiple of what clean blocks reached.

    0 where they reached so much that the path is worth nothing: blocks of one episode follow each other, and the theory
    wants each to be rare given the one before.
    """
    clean = Calibration(ordered)
    level = highest = 0.0
    for score in blocks[-len(ordered) :]:
        level = min((level + 1.0) * 0.5 / p_value(clean, score) ** 0.5, 2.0 * MAX_DRIFT)
        highest = max(highest, level)
    if highest > MAX_DRIFT:
        return 0.0
    return max(2.0 * a_day / max(per_day, 1e-6), _DRIFT_MARGIN * highest)


def rank(count: int, chance: float) -> int:
    """Return the largest k for which the k-th largest of `count` blocks is exceeded with at most `chance`.

    With CONFIDENCE; 0 where even the largest is not enough.
    """
    below, k = 0.0, 0
    for hits in range(count + 1):
        below += _binomial(count, hits, chance)
        if 1.0 - below < CONFIDENCE:
            break
        k = hits + 1
    return k


def _binomial(count: int, hits: int, chance: float) -> float:
    if chance >= 1.0:
        return float(hits == count)
    ways = lgamma(count + 1) - lgamma(hits + 1) - lgamma(count - hits + 1)
    return exp(ways + hits * log(chance) + (count - hits) * log1p(-chance))


def p_value(calibration: Calibration, score: float) -> float:
    """Return the share of clean blocks (and this one) at least as high: small means rare. In (0, 1]."""
    blocks = calibration.blocks
    low, high = 0, len(blocks)
    while low < high:
        middle = (low + high) // 2
        if blocks[middle] < score:
            low = middle + 1
        else:
            high = middle
    return (1 + len(blocks) - low) / (len(blocks) + 1)


class Drift:
    """The sequential path: many slightly strange blocks in a row (Shiryaev-Roberts over e-values 0.5 / sqrt(p)).

    Half of the alarm budget belongs to it. Needs FEWEST blocks, as a small set cannot call anything rare, and a limit
    that clean blocks in their order did not reach.
    """

    FEWEST: Final = 1_440

    def __init__(self, calibration: Calibration) -> None:
        self._calibration = calibration
        self._limit = calibration.drift_limit
        self.level = 0.0

    @property
    def is_armed(self) -> bool:
        """Say whether the clean blocks allow it to speak."""
        return self._limit > 0.0 and len(self._calibration.blocks) >= self.FEWEST

    def block(self, score: float) -> bool:
        """Take a finished block; say whether the drift is now beyond its limit (it then starts anew)."""
        if not self.is_armed:
            return False
        self.level = (self.level + 1.0) * 0.5 / p_value(self._calibration, score) ** 0.5
        if self.level < self._limit:
            return False
        self.level = 0.0
        return True
