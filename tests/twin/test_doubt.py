from dataclasses import replace

import numpy as np
import pytest

from icsguard.twin.doubt import BEYOND, LASTING, LASTING_LESS, MOST, Doubts
from icsguard.twin.site_model import Holding, Moment


@pytest.fixture
def site(make_site, make_column):
    """A level, a pump that is a bit, and a valve that was told 40 to 60."""
    columns = (
        make_column("level"),
        make_column("pump", "command", seen_high=1.0),
        make_column("valve", "command", seen_low=40.0, seen_high=60.0),
    )

    def make(*moments):
        return replace(make_site(columns, ()), holding=Holding(moments=moments))

    return make


def _state(pump=1.0, valve=50.0):
    return np.array([1.0, pump, valve])


def test_what_was_seen_is_not_doubted(site):
    doubts = Doubts(site(), 60)
    assert doubts.of(_state(), {1: 1.0}) is None
    assert doubts.of(_state(valve=64.0), {2: 64.0}) is None  # within a quarter of the range


def test_a_combination_that_never_stood_widens_the_band_and_nothing_else(site):
    doubt = Doubts(replace(site(), known_modes=((1,),)), 60).of(_state(pump=0.0), {1: 0.0})
    assert {BEYOND} == set(doubt.wider)
    assert not doubt.more.any()


@pytest.mark.parametrize(("value", "more"), [(70.0, 0.5), (20.0, 1.0), (1e6, MOST)])
def test_a_far_number_may_do_more_by_as_much_as_it_lies_beyond(site, value, more):
    doubt = Doubts(site(), 60).of(_state(valve=value), {2: value})
    assert {BEYOND} == set(doubt.wider)
    np.testing.assert_allclose(doubt.more, more)


def test_a_switch_that_mostly_harms_may_do_more_the_longer_it_stands_beyond_its_moments(site):
    doubt = Doubts(site(Moment(1, 0, 8, harms=True)), 60).of(_state(pump=0.0), {1: 0.0})
    assert {1.0} == set(doubt.wider)
    assert not doubt.more[:8].any()
    assert (np.diff(doubt.more[7:]) > 0).all()
    assert LASTING * 52 / 60 == pytest.approx(doubt.more[-1])


def test_a_switch_that_seldom_harms_may_do_less(site):
    doubt = Doubts(site(Moment(1, 0, 8, harms=False)), 60).of(_state(pump=0.0), {1: 0.0})
    assert -LASTING_LESS * 52 / 60 == pytest.approx(doubt.more[-1])


def test_a_switch_that_stood_for_a_quarter_of_the_horizon_has_shown_where_it_leads(site):
    assert Doubts(site(Moment(1, 0, 15, harms=True)), 60).of(_state(pump=0.0), {1: 0.0}) is None
    assert Doubts(site(Moment(1, 0, 14, harms=True)), 60).of(_state(pump=0.0), {1: 0.0}) is not None


def test_the_other_side_of_a_switch_is_not_doubted(site):
    assert Doubts(site(Moment(1, 0, 8, harms=True)), 60).of(_state(), {1: 1.0}) is None
