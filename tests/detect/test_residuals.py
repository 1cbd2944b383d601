from dataclasses import replace

import numpy as np

from icsguard.detect.residuals import MAX_SMOOTHED, MAX_UNREST, SPANS, STREAMS, ResidualWatch, Smoother, unrest
from icsguard.lab.offline import OfflineCell
from icsguard.twin.grid import Row
from icsguard.twin.site_model import Unrest


def test_a_lasting_residual_shows_in_the_slow_streams_later():
    smoother = Smoother(2)
    first = smoother.feed(np.array([1.0, 0.0]), np.zeros(2))
    for _ in range(100):
        last = smoother.feed(np.array([1.0, 0.0]), np.zeros(2))
    assert first[0, 0] > first[1, 0] > first[2, 0]
    np.testing.assert_allclose([1.0, 1.0, 1.0], last[:3, 0], atol=0.01)
    assert (last[3:] == 0).all()


def test_residuals_that_change_sign_average_out():
    smoother = Smoother(1)
    for at in range(200):
        last = smoother.feed(np.array([(-1.0) ** at]), np.zeros(1))
    assert last[0, 0] == 1.0
    assert last[2, 0] < 0.2


def test_one_absurd_residual_does_not_blind_for_long():
    smoother = Smoother(1)
    smoother.feed(np.array([1e12]), np.zeros(1))
    for _ in range(300):
        last = smoother.feed(np.zeros(1), np.zeros(1))
    assert last.max() < 0.01


def test_a_point_that_jumps_is_cut_off_before_it_is_smoothed():
    smoother = Smoother(1)
    first = smoother.feed(np.array([500.0]), np.zeros(1))
    assert 500.0 == first[0, 0]
    assert abs(first[1, 0] - MAX_SMOOTHED * 2 / 7) < 1e-9


def test_unrest_is_the_mean_of_all_points_and_no_jump_of_one():
    usual = np.array([0.5, 2.0, 1.0, 1.0])
    assert 1.0 == unrest(usual, usual)
    assert (3.0 + MAX_UNREST) / 4 == unrest(np.array([0.5, 2.0, 1.0, 900.0]), usual)
    np.testing.assert_allclose([1.0, 2.0], unrest(np.stack([usual, 2 * usual]), usual))


def test_rows_tell_their_unrest_where_learning_knows_the_usual_one(fitted, site, points):
    rows = list(_rows(fitted.model, points, 5, 9))
    plain = ResidualWatch(fitted.model, site.scorer)
    assert {0.0} == {one.unrest for row in rows if (one := plain.feed(row)) is not None}
    moving = sum(column.kind == "moving" for column in fitted.model.columns)
    kinds = len(fitted.model.settling) + 1
    watch = ResidualWatch(replace(fitted.model, unrest=Unrest((0.5,) * moving * kinds, 9.0)), site.scorer)
    seen = [one.unrest for row in rows if (one := watch.feed(row)) is not None]
    assert 0.0 < np.median(seen) < MAX_UNREST


def _rows(model, points, seconds, seed):
    from icsguard.learn.recorded import record, rows

    found = rows(record(OfflineCell(seed).run(seconds), points), 12)
    for run, times in zip(found.runs, found.times, strict=True):
        for place, (values, at) in enumerate(zip(run, times, strict=True)):
            yield Row(at, tuple(values), place > 0)


def test_clean_rows_score_low_and_a_false_value_high(fitted, site, points):
    watch = ResidualWatch(fitted.model, site.scorer)
    rows = list(_rows(fitted.model, points, 20, 9))
    scores = [one.score for row in rows if (one := watch.feed(row)) is not None]
    assert np.median(scores) < 1.0
    column = next(i for i, one in enumerate(fitted.model.columns) if one.name == "level_1")
    values = list(rows[-1].values)
    values[column] += 0.7
    strange = watch.feed(Row(rows[-1].at + 1, tuple(values), follows=True))
    assert strange.score > fitted.model.residuals.threshold
    assert strange.stream in STREAMS
    assert sum(one.share for one in strange.contributions) <= 1.0 + 1e-9


def test_after_a_command_wider_yardsticks_hold_for_a_while(fitted, site, points):
    model = fitted.model
    moving = sum(column.kind == "moving" for column in model.columns)
    half = len(STREAMS) * moving
    scales = (1.0,) * half + (1e6,) * half + (1e9,) * half
    patient = replace(model, stream_scale=scales, settling=(3, 1))
    watch = ResidualWatch(patient, site.scorer)
    command = next(i for i, column in enumerate(model.columns) if column.kind == "command")
    still = [next(iter(_rows(model, points, 3, 9))).values] * 12
    values = [list(one) for one in still]
    for row in values[6:]:
        row[command] += 1
    scores = [watch.feed(Row(at, tuple(row), at > 0)) for at, row in enumerate(values)]
    sizes = [0 if one is None else 2 if one.score > 1e-3 else 1 if one.score > 1e-7 else 0 for one in scores]
    assert [2, 0, 1, 1, 2] == sizes[5:10]


class Listening:
    """A scorer that keeps what it was asked."""

    digest = "listening"

    def __init__(self, model):
        self._size, self._places = len(model.columns), len(model.modes) + 1
        self.asked = []

    def score(self, row, state, previous):
        self.asked.append((row, state, previous))
        return np.zeros((1, self._size)), np.zeros((1, self._size * self._places))


def test_each_row_has_the_commands_of_the_one_after_it_as_while_learning(fitted, points):
    model = fitted.model
    command = next(i for i, column in enumerate(model.columns) if column.kind == "command")
    mean, scale = model.columns[command].mean, model.columns[command].scale
    scorer = Listening(model)
    watch = ResidualWatch(model, scorer)
    values = list(next(iter(_rows(model, points, 3, 9))).values)
    for at, told in enumerate((1.0, 2.0, 3.0)):
        values[command] = told
        watch.feed(Row(at, tuple(values), at > 0))
    ((_, state, previous),) = scorer.asked
    assert abs(3.0 - (state[command] * scale + mean)) < 1e-9
    assert abs(2.0 - (previous[command] * scale + mean)) < 1e-9


def test_nothing_is_said_across_a_gap(fitted, site, points):
    watch = ResidualWatch(fitted.model, site.scorer)
    first, second, third, fourth, *_ = list(_rows(fitted.model, points, 3, 9))
    assert watch.feed(first) is None
    assert watch.feed(second) is None
    assert watch.feed(third) is not None
    assert watch.feed(fourth._replace(follows=False)) is None
    assert len(SPANS) == 3
