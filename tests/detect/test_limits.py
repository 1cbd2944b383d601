from dataclasses import replace
from math import inf

import numpy as np
import pytest

from icsguard.detect.limits import WITHIN, undetectable
from icsguard.detect.residuals import STREAMS, ResidualWatch
from icsguard.twin.grid import Row
from icsguard.twin.site_model import Calibration


@pytest.fixture
def model(fitted):
    """A model with one yardstick for all rows and a threshold of 1: what is not detectable follows by hand."""
    moving = sum(column.kind == "moving" for column in fitted.model.columns)
    clean = Calibration((0.5,), threshold=1.0, rank=1, per_day=1.0)
    return replace(fitted.model, stream_scale=(4.0,) * len(STREAMS) * moving, settling=(), residuals=clean)


def _usual(model):
    values = [column.mean for column in model.columns]
    for bit, state in zip(model.mode_bits, model.modes[0] if model.modes else (), strict=False):
        values[bit] = float(state)
    return values


def _highest(model, scorer, place, size):
    """Return the highest score of WITHIN rows with an offset beyond that of the same rows without one."""
    watch, calm = ResidualWatch(model, scorer), _usual(model)
    for at in range(4):
        watch.feed(Row(at, tuple(calm), at > 0))
    lie = list(calm)
    lie[place] += size
    return max(watch.feed(Row(4 + at, tuple(lie), follows=True)).score for at in range(WITHIN))


def test_a_lie_above_the_limit_is_found_and_one_below_is_not(model, site):
    """Checked against the live watch, on a scorer whose calm prediction is the calm row; its squares are not linear."""

    class Centred:
        digest = "centred"

        def __init__(self):
            self.calm = (np.array(_usual(model)) - mean) / scale
            self.offset = [
                one - np.tile(self.calm, one.size // len(self.calm)) for one in site.scorer.score(*[self.calm] * 3)
            ]

        def score(self, *inputs):
            return tuple(one - by for one, by in zip(site.scorer.score(*inputs), self.offset, strict=True))

    mean = np.array([column.mean for column in model.columns])
    scale = np.array([column.scale for column in model.columns])
    centred = Centred()
    wide = replace(model, columns=tuple(replace(one, low=-1e9, high=1e9) for one in model.columns))
    for limit in undetectable(wide, centred):
        place = next(i for i, column in enumerate(wide.columns) if column.name == limit.name)
        if limit.sudden < inf:
            assert _highest(wide, centred, place, 0.8 * limit.sudden) < 1.0
            assert _highest(wide, centred, place, 1.25 * limit.sudden) > 1.0


def test_a_tighter_threshold_hides_less(model, site):
    loose = undetectable(model, site.scorer)
    half = replace(model, residuals=replace(model.residuals, threshold=0.5))
    for before, after in zip(loose, undetectable(half, site.scorer), strict=True):
        assert after.sudden <= before.sudden
        assert after.creeping <= before.creeping


def test_without_a_calibration_anything_goes_unnoticed(model, site):
    silent = replace(model, residuals=Calibration())
    assert {inf} == {size for one in undetectable(silent, site.scorer) for size in (one.sudden, one.creeping)}


def test_a_point_that_may_stand_still_is_never_told_as_frozen(model, site):
    still = replace(model, columns=tuple(replace(one, longest_run=0) for one in model.columns))
    assert {0} == {one.frozen_after for one in undetectable(still, site.scorer)}
    lively = replace(model, columns=tuple(replace(one, longest_run=30) for one in model.columns))
    assert all(one.frozen_after > 30 for one in undetectable(lively, site.scorer))


def test_a_plant_in_which_nothing_moves_has_no_limits(model, site):
    still = replace(model, columns=tuple(replace(one, kind="still") for one in model.columns), stream_scale=())
    assert () == undetectable(still, site.scorer)
