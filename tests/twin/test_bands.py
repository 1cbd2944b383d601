import numpy as np
import pytest

from icsguard.twin.bands import LEAST_FORECASTS, Errors, fidelity, forecast_errors, written
from icsguard.twin.site_model import HORIZONS


def test_forecast_errors_grow_no_faster_than_the_plant_moves(law, aligned):
    errors = forecast_errors(law, aligned[600:], (3, 4), 600)
    wide = np.nanquantile(np.abs(errors.values[:, :, 0]), 0.95, axis=0)
    assert wide[0] < 0.02
    assert wide[-1] < 0.2


def test_a_recording_that_ends_gives_no_errors_beyond_its_end(law, aligned):
    errors = forecast_errors(law, aligned[:30], (3, 4), 0)
    assert np.isnan(errors.values[:, HORIZONS.index(60)]).all()
    assert not np.isnan(errors.values[0, 0]).any()


def test_good_forecasts_are_trusted_as_far_as_they_were_tried(law, aligned):
    errors = forecast_errors(law, aligned[600:], (3, 4), 600)
    found = fidelity([errors], 0, 0.001, 3.0)
    assert found.trusted_steps >= 40  # a fifth of these rows is too short for 60 steps
    assert list(found.band) == sorted(found.band)


def test_wild_forecasts_are_not_trusted():
    noise = np.random.default_rng(1)
    errors = Errors(noise.normal(0, 5.0, (400, len(HORIZONS), 1)), np.arange(400.0))
    assert fidelity([errors], 0, 0.001, 3.0).trusted_steps == 0


def test_a_band_that_does_not_hold_elsewhere_is_not_trusted():
    """Each fifth of the time has errors of its own size: no band made of the others holds the largest."""
    sizes = np.repeat([0.01, 0.02, 0.03, 0.04, 0.5], 60)
    values = np.tile(sizes, 10)[:, None, None] * np.ones((1, len(HORIZONS), 1))
    found = fidelity([Errors(values, np.arange(3000.0))], 0, 0.001, 3.0)
    assert found.coverage[0] == 0.8
    assert found.trusted_steps == 0


def test_too_few_forecasts_make_no_band():
    values = np.zeros((LEAST_FORECASTS - 1, len(HORIZONS), 1))
    assert fidelity([Errors(values, np.arange(LEAST_FORECASTS - 1.0))], 0, 0.001, 3.0).band == ()
    assert fidelity([], 0, 0.001, 3.0).band == ()


def test_forecasts_may_start_with_writes_only(law, aligned):
    starts = written(aligned, [3, 4])
    errors = forecast_errors(law, aligned, [3, 4], 100, starts)
    assert [row + 100 for row in starts.tolist()] == errors.starts.tolist()
    changed = (aligned[starts][:, [3, 4]] != aligned[starts - 1][:, [3, 4]]).any(axis=1)
    assert changed.all()
    assert len(starts) == pytest.approx(900 / 37 + 900 / 53, abs=3)
