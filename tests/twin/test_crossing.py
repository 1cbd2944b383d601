import numpy as np
import pytest

from icsguard.twin.crossing import Path
from icsguard.twin.doubt import Doubt

STEPS = 40
FLAT = np.full(STEPS, -4.0)
BAND = np.full(STEPS, 1.0)


def _to(end, start=-4.0):
    return np.linspace(start, end, STEPS)


def _path(mean, anyway=FLAT, span=10.0):
    return Path(mean, anyway, BAND, span)


def _doubt(wider=1.0, more=0.0):
    return Doubt(np.full(STEPS, wider), np.full(STEPS, more))


def test_a_mean_that_passes_the_limit_by_enough_is_sure():
    found = _path(_to(1.0)).crossing(STEPS, 0.35, None)
    assert (True, True, False) == (found.by_mean, found.sure, found.unseen)
    assert 1.0 == pytest.approx(found.margin)
    assert _to(1.0)[found.step - 1] > 0.35 >= _to(1.0)[found.step - 2]


def test_a_mean_that_passes_by_less_is_told_and_not_sure():
    found = _path(_to(0.3)).crossing(STEPS, 0.35, None)
    assert (True, False) == (found.by_mean, found.sure)


def test_beyond_the_gate_nothing_is_sure():
    found = _path(_to(3.0)).crossing(10, 0.0, None)
    assert (True, False, 0.0) == (found.by_mean, found.sure, found.margin)
    assert found.step > 10


def test_the_band_alone_is_told():
    found = _path(_to(-0.5)).crossing(STEPS, 0.0, None)
    assert (False, False, False) == (found.by_mean, found.sure, found.unseen)
    assert _path(_to(-1.5)).crossing(STEPS, 0.0, None) is None


def test_a_wider_band_is_what_was_never_seen():
    found = _path(_to(-1.5)).crossing(STEPS, 0.0, _doubt(wider=2.0))
    assert (False, False, True, 2.0) == (found.by_mean, found.sure, found.unseen, found.band)


def test_an_effect_that_may_be_larger_crosses_with_it():
    assert _path(_to(-1.5)).crossing(STEPS, 0.0, _doubt(more=0.5)) is None  # -1.5 + half of 2.5
    found = _path(_to(-1.5)).crossing(STEPS, 0.0, _doubt(more=0.7))
    assert found.unseen
    assert not found.sure


def test_an_effect_that_may_be_larger_is_blamed_though_the_band_reaches_the_limit_anyway():
    near = np.full(STEPS, -0.8)
    found = _path(_to(-0.3, -0.8), near).crossing(STEPS, 0.0, _doubt(wider=2.0, more=1.0))
    assert found.unseen


def test_an_effect_that_may_be_smaller_takes_a_narrow_crossing_back():
    mean = _to(1.0)
    assert _path(mean).crossing(STEPS, 0.0, None).sure
    assert not _path(mean).crossing(STEPS, 0.0, _doubt(more=-0.35)).sure
    assert _path(_to(4.0)).crossing(STEPS, 0.0, _doubt(more=-0.35)).sure


def test_what_comes_hardly_later_anyway_is_not_the_writes_doing():
    assert _path(_to(1.0), _to(0.9)).crossing(STEPS, 0.0, None) is None
    assert _path(_to(4.0), _to(0.2)).crossing(STEPS, 0.0, None).sure  # twice as soon


@pytest.mark.parametrize(("span", "blamed"), [(10.0, True), (40.0, False)])
def test_what_comes_anyway_must_become_far_worse_by_the_write(span, blamed):
    outside = np.full(STEPS, 0.5)
    found = _path(_to(5.0, 0.5), outside, span).crossing(STEPS, 0.0, None)
    assert blamed is (found is not None)
