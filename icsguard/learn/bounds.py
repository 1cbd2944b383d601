"""How many could it have been? Upper bounds on a share after counting: "no false refusal in 1 000" is not "never".

Clopper-Pearson (1934), one-sided: the share at which so few hits, or fewer, would be seen in one of twenty trials.
With no hit at all it is the rule of three, about 3/n.
"""

from __future__ import annotations

import math
from typing import Final

CONFIDENCE: Final = 0.95
_STEPS: Final = 60  # halvings of 0..1: far below what a double can tell
_TERMS: Final = 1_000  # of the continued fraction; it needs about the root of the count
_TINY: Final = 1e-300
_CLOSE: Final = 1e-14


def upper_bound(hits: int, count: int, confidence: float = CONFIDENCE) -> float:
    """Return the largest share that `hits` of `count` still agree with; 1 where nothing was counted."""
    if hits >= count:
        return 1.0
    low, high = hits / count, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if _at_most(hits, count, middle) > 1 - confidence:
            low = middle
        else:
            high = middle
    return high


def _at_most(hits: int, count: int, share: float) -> float:
    """Return the chance of at most `hits` of `count` at this share: a regularised incomplete beta function."""
    return _beta(count - hits, hits + 1, 1 - share)


def _beta(a: float, b: float, x: float) -> float:
    if x <= 0 or x >= 1:
        return float(x >= 1)
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x))
    if x < (a + 1) / (a + b + 2):
        return front * _fraction(a, b, x) / a
    return 1 - front * _fraction(b, a, 1 - x) / b


def _fraction(a: float, b: float, x: float) -> float:
    """Return the continued fraction of the incomplete beta function (Lentz's way of computing it)."""
    c, d = 1.0, 1 / _kept(1 - (a + b) * x / (a + 1))
    value = d
    for m in range(1, _TERMS):
        for term in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 / _kept(1 + term * d)
            c = _kept(1 + term / c)
            value *= c * d
        if abs(c * d - 1) < _CLOSE:
            break
    return value


def _kept(value: float) -> float:
    """Return the value, away from zero."""
    return value if abs(value) > _TINY else _TINY
