"""When a score becomes a finding: above the calibrated threshold at once, or a little too high for too long.

One alarm a block; while it lasts it is repeated every REMIND_NS. Without a calibration nothing is told: a score that
nobody knows the clean side of is not evidence. Whether the calibration still holds is watched beside it.
"""

from __future__ import annotations

from typing import Final

from icsguard.core.clock import SECOND
from icsguard.detect.calibration import Drift
from icsguard.detect.guarantee import Guarantee
from icsguard.twin.site_model import NO_UNREST, Calibration, Unrest

REMIND_NS: Final = 300 * SECOND
MAX_SOURCES: Final = 256  # clients with an alarm of their own; beyond, all share one


class Alarm:
    """One stream of scores against one calibration."""

    def __init__(self, calibration: Calibration, unrest: Unrest = NO_UNREST) -> None:
        self.calibration = calibration
        self.guarantee = Guarantee(calibration, unrest)
        self._drift = Drift(calibration)
        self._block_end, self._block_max = 0, 0.0
        self._unrest, self._rows = 0.0, 0
        self._told: dict[str, int] = {}
        self.last_at = 0
        """When a score was last above the threshold."""

    def score(self, score: float, at: int, source: str = "") -> bool:
        """Take a score; say whether it is to be told now."""
        threshold = self.calibration.threshold
        if threshold <= 0.0 or score <= threshold:
            return False
        self.last_at = at
        self.guarantee.alarm(at)
        key = source if len(self._told) < MAX_SOURCES else ""
        told = self._told.get(key)
        if told is not None and at - told < REMIND_NS:
            return False
        self._told[key] = at
        return True

    def drift(self, score: float, at: int, unrest: float = 0.0) -> bool:
        """Take the same score for the slow path and for the guarantee; say whether drift is to be told now.

        `unrest` is for the guarantee alone.
        """
        told = False
        if at >= self._block_end:
            told = self._end_block(at) if self._block_end else False
            self._block_end, self._block_max = at + self.calibration.block_ns, score
            self._unrest, self._rows = 0.0, 0
        self._block_max = max(self._block_max, score)
        self._unrest += unrest
        self._rows += 1
        return told

    def _end_block(self, at: int) -> bool:
        self.guarantee.block(self._block_max, at, self._unrest / self._rows)
        return self._drift.block(self._block_max)
