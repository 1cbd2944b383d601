"""When a forecast crosses a limit, by what, and whether the write is the cause: arithmetic of one path."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from icsguard.inference.api import Array
from icsguard.twin.doubt import Doubt

SOONER: Final = 1.25
"""A limit that would be reached anyway must be reached so much earlier to be the write's doing."""
WORSE: Final = 0.25
"""Or be passed by so much more, as a share of the envelope."""


class Crossing(NamedTuple):
    """The first crossing of the gravest kind there is."""

    step: int
    """Counted from 1."""
    by_mean: bool
    sure: bool
    """By more than the hold budget asks for."""
    unseen: bool
    """Only with what was never seen taken at its worst."""
    band: float
    """Half width there, of all that is not known."""
    margin: float
    """By how many bands the mean passes the limit at most, as far as the gate lets it speak; 0 where it does not."""


class Path(NamedTuple):
    """One point's forecast against one limit: positive is beyond it."""

    mean: Array
    anyway: Array
    """Without the write."""
    band: Array
    span: float
    """Width of the envelope."""

    def crossing(self, reach: int, certainty: float, doubt: Doubt | None) -> Crossing | None:
        """Return what crosses within the gate's `reach`: the mean surely, what is not known, the mean, the band."""
        first = _first(self.mean > 0)
        blamed = bool(first) and self._is_cause(self.mean, self.anyway, first, worse=True)
        margins = self._margins(reach, doubt) if blamed else np.zeros(0)
        margin = max(float(margins.max(initial=0.0)), 0.0)
        if margin > certainty:
            return self._at(_first(margins > certainty), doubt, margin, by_mean=True, sure=True)
        if doubt is not None and (found := self._unknown(reach, doubt)) is not None:
            return found
        if blamed:
            return self._at(first, None, margin, by_mean=True)
        near = _first((self.mean + self.band)[:reach] > 0)
        if near and self._is_cause(self.mean + self.band, self.anyway + self.band, near):
            return self._at(near, None, margin)
        return None

    def _margins(self, reach: int, doubt: Doubt | None) -> Array:
        """Return by how many bands the mean is beyond the limit, at least where the write may do less."""
        mean = self.mean[:reach]
        if doubt is not None:
            mean = mean + np.minimum(doubt.more[:reach], 0.0) * np.maximum(mean - self.anyway[:reach], 0.0)
        found: Array = mean / self.band[:reach]
        return found

    def _at(
        self, step: int, doubt: Doubt | None, margin: float = 0.0, *, by_mean: bool = False, sure: bool = False
    ) -> Crossing:
        unseen = doubt is not None and (doubt.wider[step - 1] > 1 or doubt.more[step - 1] > 0)
        band = self._doubtful(doubt)[step - 1] if doubt is not None and unseen else self.band[step - 1]
        return Crossing(step, by_mean, sure, bool(unseen), float(band), margin)

    def _doubtful(self, doubt: Doubt) -> Array:
        """Return the half width of all that is not known."""
        more: Array = np.maximum(doubt.more, 0.0) * np.maximum(self.mean - self.anyway, 0.0)
        return doubt.wider * self.band + more

    def _unknown(self, reach: int, doubt: Doubt) -> Crossing | None:
        """Return the crossing that what was never seen may bring: the write's effect may be larger, the band wider."""
        mean, anyway = self.mean[:reach], self.anyway[:reach]
        wide = doubt.wider[:reach] * self.band[:reach]
        most = mean + self._doubtful(doubt)[:reach]
        larger, wider = doubt.more[:reach] > 0, doubt.wider[:reach] > 1
        for path, without, where in ((most - wide, anyway, larger), (most, anyway + wide, wider)):
            step = _first((path > 0) & where)
            if step and self._is_cause(path, without, step):
                return self._at(step, doubt, by_mean=bool(mean[step - 1] > 0))
        return None

    def _is_cause(self, path: Array, anyway: Array, step: int, *, worse: bool = False) -> bool:
        """Say whether the write, and not the course of things, makes the crossing: it comes sooner, or is far worse."""
        without = _first(anyway > 0)
        if not without or without > step * SOONER + 1:
            return True
        if not worse:
            return False
        beyond = (path - anyway)[step - 1 :]
        band = self.band[step - 1 :]
        least = np.maximum(np.where(np.isfinite(band), band, 0.0), WORSE * self.span)
        return bool((beyond > least).any() and beyond[-1] > 0)


def _first(crossed: NDArray[np.bool_]) -> int:
    """Return the number of the first step that crosses, counted from 1; 0 where none does."""
    found = np.flatnonzero(crossed)
    return int(found[0]) + 1 if len(found) else 0
