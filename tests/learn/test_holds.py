from dataclasses import replace

import numpy as np
import pytest

from icsguard.core.meaning import Table
from icsguard.core.point import DataType, Point
from icsguard.learn import holds
from icsguard.learn.holds import BUDGET, CERTAINTIES, holding
from icsguard.twin.bands import Errors
from icsguard.twin.dynamics import Feature, Term
from icsguard.twin.site_model import HORIZONS, STREAMS, Calibration, Column, SiteModel

WEEK_S = 604_800.0
POINTS = (
    Point("level", 1, Table.INPUT, 0, safe_min=0.0, safe_max=10.0),
    Point("pump", 1, Table.COIL, 0, DataType.BOOL),
)


def _model(seconds=WEEK_S):
    """A level that falls by 0.1 a row while the pump stands, and is kept while it runs."""
    level = Column("level", 0, 1, -99, 99, 0.01, "moving", 1, 0, 10, band=(1.0,) * len(HORIZONS), trusted_steps=60)
    pump = Column("pump", 0, 1, 0, 1, 1, "command", 1, 0, 1)
    return SiteModel(
        conduit="cell",
        points_digest="",
        step_ns=10**9,
        columns=(level, pump),
        terms=(Term(0, Feature(-1), -0.1, ((1, 0),)),),
        ties=(),
        tracks=(),
        modes=(),
        mode_bits=(1,),
        known_modes=((0,), (1,)),
        writings=(),
        travel_ns=1,
        stream_scale=(1.0,) * STREAMS,
        settling=(),
        residuals=Calibration(),
        flow=Calibration(),
        flow_feature_scale=(),
        symbols=(),
        shapes=(),
        peak_rate=1.0,
        repeats=False,
        rows=0,
        seconds=seconds,
        data_digest="",
        gram=b"",
    )


def _run(levels, moment=4):
    """Rows in which the pump is stopped for a moment at each of the levels."""
    rows = []
    for level in levels:
        rows += [(level, 1.0)] * 20 + [(level, 0.0)] * moment + [(level, 1.0)] * 20
    return np.array(rows)


def _errors(size, count=2_000):
    """Forecast errors of which a fortieth is larger than the band."""
    values = np.zeros((count, len(HORIZONS), 2))
    values[:, :, 0] = size * np.linspace(-1, 1, count)[:, None]
    return [Errors(values, np.arange(count, dtype=np.float64))]


def _held(levels, errors, **changes):
    return holding(replace(_model(), **changes), POINTS, [_run(levels)], errors, [1])


def test_where_no_write_comes_near_a_limit_the_least_is_asked_for():
    found = _held([9.0] * 10, _errors(1.0))
    assert (CERTAINTIES[0], 0.0, 20) == (found.certainty, found.expected, found.writes)


def test_writes_that_pass_a_limit_by_little_are_expected_to_be_held_wrongly():
    one = _held([5.55], _errors(1.0))  # reaches -0.45 after 60 rows: as large an error in one direction is 0.275
    assert 0.275 == pytest.approx(one.expected, abs=0.01)
    assert CERTAINTIES[0] == one.certainty


def test_more_is_asked_for_until_the_budget_is_kept():
    found = _held([5.55] * 8, _errors(1.0))
    assert found.certainty > CERTAINTIES[0]
    assert found.expected <= BUDGET


def test_where_no_margin_keeps_the_budget_the_expected_number_says_so():
    found = _held([5.2] * 30, _errors(3.0))
    assert CERTAINTIES[-1] == found.certainty
    assert found.expected > BUDGET


def test_a_longer_recording_has_a_longer_budget_and_a_shorter_one_no_smaller():
    three = _held([5.2] * 6, _errors(1.0), seconds=3 * WEEK_S)
    week = _held([5.2] * 6, _errors(1.0))
    hour = _held([5.2] * 6, _errors(1.0), seconds=3600.0)
    assert week.expected == pytest.approx(3 * three.expected, rel=0.01)
    assert week == hour


def test_moments_are_told_with_their_length_and_what_they_mostly_would_do():
    (stop, start) = _held([2.0] * 6 + [9.0], _errors(1.0)).moments
    assert (1, 0, 4, True) == (stop.bit, stop.value, stop.rows, stop.harms)
    assert (1, 1, 40, False) == (start.bit, start.value, start.rows, start.harms)
    (stop, _) = _held([2.0] * 3 + [9.0] * 3, _errors(1.0)).moments
    assert not stop.harms


def test_a_switch_that_was_hardly_ever_moved_has_no_moments():
    assert () == _held([2.0] * 2, _errors(1.0)).moments


def test_without_a_safe_range_there_is_nothing_to_hold_for():
    points = (replace(POINTS[0], safe_min=None, safe_max=None), POINTS[1])
    assert 0 == holding(_model(), points, [_run([1.0])], _errors(1.0), [1]).writes


def test_writes_that_are_not_tried_are_stood_for(monkeypatch):
    whole = _held([5.2] * 9, _errors(1.0))
    monkeypatch.setattr(holds, "MAX_WRITES", 6)
    third = _held([5.2] * 9, _errors(1.0))  # each third: stop, start, stop ...
    assert whole.expected > 0
    assert (18, whole.expected) == (third.writes, pytest.approx(third.expected))
    assert 18 == whole.writes
