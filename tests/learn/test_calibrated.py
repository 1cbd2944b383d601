import numpy as np

from icsguard.detect.residuals import STREAMS
from icsguard.learn.calibrated import Residuals, calibrate_residuals
from icsguard.twin.site_model import Column


def _column(name="a", kind="moving"):
    return Column(name, 0, 1, 0, 9, 0.1, kind, 1, 0, 9, sigma_space=1.0, sigma_time=1.0)


def _noise(rows, seed=1):
    noise = np.random.default_rng(seed)
    return Residuals(noise.normal(size=(rows, 1)), noise.normal(size=(rows, 1)))


def test_streams_are_scaled_so_that_one_row_in_a_hundred_exceeds_them():
    made = calibrate_residuals([_noise(5000)], [_column()], step_ns=10**9, per_day=1.0)
    assert len(made.stream_scale) == len(STREAMS)
    assert 2.3 < made.stream_scale[0] < 2.9  # 99 % of a normal variable's size: 2.58
    assert made.stream_scale[2] < made.stream_scale[0]


def test_blocks_are_minutes():
    made = calibrate_residuals([_noise(600)], [_column()], step_ns=10**9, per_day=1.0)
    assert len(made.calibration.blocks) == 10


def test_a_recording_shorter_than_a_minute_is_one_block():
    made = calibrate_residuals([_noise(30)], [_column()], step_ns=10**9, per_day=1.0)
    assert len(made.calibration.blocks) == 1
    assert made.calibration.threshold == 2 * made.calibration.blocks[0]


def test_a_plant_in_which_nothing_moves_has_no_threshold():
    made = calibrate_residuals([_noise(30)], [_column(kind="still")], step_ns=10**9, per_day=1.0)
    assert made.calibration.threshold == 0.0
