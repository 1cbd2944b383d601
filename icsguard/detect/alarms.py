"""When a score becomes a finding: above the calibrated threshold at once, or a little too high for too long.

One alarm a block; while it lasts it is repeated every REMIND_NS. Without a calibration nothing is told: a score that
nobody knows the clean side of is not evidence. Whether the calibration still holds is watched beside it.
"""

from __future__ import annotations

from typing import Final

from icsguard.core.clock import SECOND
from icsguard.detect.calibration import Drift
from icsguard.detect.guarantee import Guarantee
from icsguard.twin.site_model import Calibration

REMIND_NS: Final = 300 * SECOND
MAX_SOURCES: Final = 256  # clients with an alarm of their own; beyond, all share one


class Alarm:
    """One stream of scores against one calibration."""

    def __init__(self, calibration: Calibration) -> None:
        self.calibration = calibration
        self.guarantee = Guarantee(calibration)
        self._drift = Drift(calibration)
        self._block_end, self._block_max = 0, 0.0
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

    def drift(self, score: float, at: int) -> bool:
        """Take the same score for the slow path and for the guarantee; say whether drift is to be told now."""
        if at >= self._block_end:
            told = self._end_block(at) if self._block_end else False
            self._block_end, self._block_max = at + self.calibration.block_ns, score
            return told
        self._block_max = max(self._block_max, score)
        return False

    def _end_block(self, at: int) -> bool:
        self.guarantee.block(self._block_max, at)
        return self._drift.block(self._block_max)
