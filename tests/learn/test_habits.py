from dataclasses import replace

import numpy as np

from icsguard.core.clock import MS, SECOND
from icsguard.core.meaning import Table
from icsguard.core.point import Point
from icsguard.core.transaction import Outcome, Transaction
from icsguard.learn.habits import LEAST_TRAVEL_NS, MAX_TRAVEL_NS, answer_time, tracks, travel_window, writing
from icsguard.learn.recorded import Ways
from icsguard.twin.site_model import Column

SPEED = Point("speed", 1, Table.HOLDING, 0)


def test_the_travel_window_fits_the_recording():
    assert travel_window(90.0) == 30 * SECOND
    assert travel_window(1.0) == LEAST_TRAVEL_NS
    assert travel_window(1e6) == MAX_TRAVEL_NS


def test_range_step_gap_and_travel_of_writes():
    ways = Ways(
        writes=[
            (at * SECOND, "hmi", value, before)
            for at, value, before in ((1, 10.0, 5.0), (3, 14.0, 10.0), (4, 14.0, 14.0), (30, 11.0, 14.0))
        ]
    )
    found = writing(SPEED, ways, 10 * SECOND)
    assert (10.0, 14.0, 5.0) == (found.low, found.high, found.max_step)
    assert found.min_gap_ns == 2 * SECOND
    assert (9.0, 2) == (found.max_travel, found.max_changes)
    assert found.clients == ("hmi",)


def test_a_point_that_nobody_wrote_has_no_habits():
    assert writing(SPEED, Ways(), SECOND) is None


def _columns():
    def column(name, kind):
        return Column(name, 0, 1, 0, 9, 0.1, kind, 1, 0, 9)

    return [column("sp", "command"), column("level", "moving")]


def _points(unit="m", loop="L1"):
    return [
        Point("sp", 1, Table.HOLDING, 0, unit=unit, loop=loop),
        Point("level", 1, Table.INPUT, 0, unit="m", loop="L1", safe_min=0.0, safe_max=4.0),
    ]


def _following():
    setpoint = np.repeat([1.0, 2.0, 1.5, 2.5], 60)
    return np.column_stack([setpoint, np.convolve(setpoint, np.ones(20) / 20, mode="full")[: len(setpoint)]])


def test_what_follows_a_setpoint_is_found():
    assert ((0, 1),) == tracks(_points(), _columns(), _following())


def test_another_loop_unit_or_course_is_no_pair():
    assert tracks(_points(loop="L2"), _columns(), _following()) == ()
    assert tracks(_points(unit="%"), _columns(), _following()) == ()
    wild = np.random.default_rng(1).normal(2, 1, (240, 2))
    assert tracks(_points(), _columns(), wild) == ()


def _answered(took_ms, outcome=Outcome.ANSWERED):
    return Transaction(1, "c", 1, "a", 10**18, 10**18 + took_ms * MS, b"", b"x", 0, outcome)


def test_the_usual_answer_time_leaves_out_one_in_a_thousand():
    made = [_answered(2)] * 3_999 + [_answered(900)] * 2 + [_answered(5_000, Outcome.TIMED_OUT)] * 500
    assert 2 * MS == answer_time(made)


def test_few_answers_have_no_usual_time():
    assert 0 == answer_time([_answered(2)] * 999)


def test_a_set_point_is_followed_into_an_envelope_that_is_open_on_one_side():
    """Its width is then that of the range seen."""
    points = [replace(one, safe_min=None) for one in _points()]
    columns = [replace(one, seen_high=3.0) for one in _columns()]
    assert ((0, 1),) == tracks(points, columns, _following())
    assert tracks([replace(one, safe_max=None) for one in points], columns, _following()) == ()
