import numpy as np

from icsguard.config.settings import Conduit
from icsguard.detect.calibration import peaks
from icsguard.detect.residuals import STREAMS, ResidualWatch, Smoother
from icsguard.lab.offline import OfflineCell, cell_points
from icsguard.learn.calibrated import Residuals, as_shown, calibrate_residuals
from icsguard.learn.fit import fit
from icsguard.learn.recorded import record, rows
from icsguard.policy.rules import Policy
from icsguard.twin.grid import Row
from icsguard.twin.scoring import predict
from icsguard.twin.site_model import NO_UNREST, Column


def _column(name="a", kind="moving"):
    return Column(name, 0, 1, 0, 9, 0.1, kind, 1, 0, 9, sigma_space=1.0, sigma_time=1.0)


def _noise(rows, seed=1):
    noise = np.random.default_rng(seed)
    return Residuals(noise.normal(size=(rows, 1)), noise.normal(size=(rows, 1)), np.zeros(rows, dtype=bool))


def test_streams_are_scaled_so_that_one_row_in_two_thousand_exceeds_them():
    made = calibrate_residuals([_noise(5000)], [_column()], step_ns=10**9, per_day=1.0)
    assert len(made.stream_scale) == len(STREAMS)
    assert 3.1 < made.stream_scale[0] < 4.2  # 99.95 % of a normal variable's size: 3.48
    assert made.stream_scale[2] < made.stream_scale[0]


def _switched(rows, seed=2):
    """A plant that is wild for ten rows after each command, and quiet otherwise."""
    one = _noise(rows, seed)
    changed = np.arange(rows) % 100 == 50
    wild = np.isin(np.arange(rows) % 100, range(50, 60))
    size = np.where(wild, 20.0, 1.0)[:, None]
    return Residuals(one.temporal * size, one.spatial * size, changed)


def test_a_plant_that_is_wild_after_commands_has_wider_yardsticks_for_that():
    made = calibrate_residuals([_switched(12_000)], [_column()], step_ns=10**9, per_day=1.0)
    widths = np.array(made.stream_scale).reshape(-1, len(STREAMS))
    assert (60, 20, 5) == made.settling
    assert widths[0][0] < 6
    assert widths[2][0] > 20
    assert (np.diff(widths, axis=0) >= 0).all()


def test_a_plant_that_takes_no_notice_of_commands_has_one_yardstick():
    noise = _noise(6000)
    same = Residuals(noise.temporal, noise.spatial, np.arange(6000) % 15 == 0)
    made = calibrate_residuals([same], [_column()], step_ns=10**9, per_day=1.0)
    assert () == made.settling


def test_one_wild_point_does_not_dull_the_watch_on_another():
    noise = np.random.default_rng(3)
    wild = np.where(noise.random((6000, 1)) < 0.002, 300.0, 1.0)
    table = noise.normal(size=(6000, 2)) * np.hstack([wild, np.ones((6000, 1))])
    made = calibrate_residuals(
        [Residuals(table, table, np.zeros(6000, dtype=bool))], [_column("a"), _column("b")], step_ns=10**9, per_day=1.0
    )
    first = np.array(made.stream_scale).reshape(-1, len(STREAMS), 2)[0, 0]
    assert first[0] > 50
    assert first[1] < 5


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


def _unrest(rows, changed=()):
    one = _noise(rows)
    flags = np.isin(np.arange(rows), changed)
    return calibrate_residuals(
        [Residuals(one.temporal, one.spatial, flags)], [_column()], step_ns=20 * 10**9, per_day=1.0
    )


def test_unrest_is_known_from_a_day_on():
    assert NO_UNREST == _unrest(4_300).unrest
    known = _unrest(4_320).unrest
    assert 0.6 < known.usual[0] < 0.75  # half of a normal variable's sizes lie below .674
    assert 1.0 < known.highest < 1.5


def test_rows_after_commands_have_an_unrest_of_their_own():
    made = calibrate_residuals([_switched(12_000)], [_column()], step_ns=20 * 10**9, per_day=1.0)
    settled, *_, shortly = made.unrest.usual
    assert shortly > 10 * settled


def test_clean_scores_are_neither_tamer_nor_wilder_than_later_ones():
    """Yardsticks made of the very rows that they judge would promise fewer alarms than come."""
    shares = []
    for seed in range(4, 10):
        noise = np.random.default_rng(seed)
        table = noise.standard_t(3, size=(12_000, 6))
        columns = [_column(str(index)) for index in range(6)]
        still = np.zeros(6_000, dtype=bool)
        made = calibrate_residuals(
            [Residuals(table[:6_000], table[:6_000], still)], columns, step_ns=20 * 10**9, per_day=30.0
        )
        scale = np.array(made.stream_scale).reshape(len(STREAMS), 6)
        smoother = Smoother(6)
        scores = np.array([(smoother.feed(row, row) / scale).max() for row in table[6_000:]])
        later = peaks(scores.reshape(-1, 3).max(axis=1).tolist(), 200, 10)
        shares.append(sum(one > made.calibration.threshold for one in later) / made.calibration.rank)
    assert 0.7 < np.mean(shares) < 1.4


def test_one_restless_hour_a_week_does_not_blind_the_watch():
    """The highest hour of a month is a freak; what each week brings once is not."""
    noise = np.random.default_rng(8)
    rows = 2 * 7 * 4_320
    table = noise.normal(size=(rows, 1))
    table[10_000:10_180] *= 40.0
    still = np.zeros(rows, dtype=bool)
    calm = calibrate_residuals(
        [Residuals(table, np.zeros_like(table), still)], [_column()], step_ns=20 * 10**9, per_day=1.0
    )
    assert calm.unrest.highest < 1.5


class _NumpyScorer:
    digest = "numpy0000000"

    def __init__(self, parts):
        self.parts = parts

    def score(self, *inputs):
        return predict(self.parts, *(one[None] for one in inputs))


def test_learning_judges_each_row_as_the_live_watch_does():
    """With the commands that the row shows: what is told after it would look strange before it is."""
    points = cell_points()
    traffic = OfflineCell(1).run(60)
    conduit = Conduit("cell", "127.0.0.1", 1502, "127.0.0.1", 502, policy=Policy(points=points))
    fitted = fit(traffic, conduit, horizon_s=12)
    model, run = fitted.model, max(rows(record(traffic, points), 12.0).runs, key=len)
    commands = [place for place, one in enumerate(model.columns) if one.kind == "command"]
    moving = [place for place, one in enumerate(model.columns) if one.kind == "moving"]
    ahead = run[:-1].copy()
    ahead[:, commands] = run[1:, commands]
    learnt = Residuals.of(
        model.law(),
        fitted.matrices,
        ahead,
        patterns=(ahead[:, list(model.mode_bits)] != 0).astype(np.int64),
        modes=model.modes,
        moving=moving,
        commands=commands,
    )
    assert learnt.changed.sum() > 3
    watch = ResidualWatch(model, _NumpyScorer(fitted.matrices))
    for index, values in enumerate(run[:-1]):
        if watch.feed(Row(index, tuple(values.tolist()), index > 0)) is None:
            continue
        sigma = np.array([model.columns[place].sigma_space for place in moving])
        expected = np.array(list(watch.expected.values()))
        assert np.allclose(watch.levels.beside * sigma, learnt.spatial[index - 2])
        assert np.allclose(run[index, moving] - expected, learnt.temporal[index - 2])


def test_a_row_as_shown_has_the_commands_of_its_own_moment():
    shown = np.array([[1.0, 10.0], [2.0, 20.0], [3.0, 30.0], [4.0, 40.0]])
    ahead = np.column_stack([shown[:-1, 0], shown[1:, 1]])
    assert shown[1:-1].tolist() == as_shown(ahead, [1]).tolist()
