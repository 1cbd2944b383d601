import numpy as np
import pytest

from icsguard.twin.dynamics import Tie
from icsguard.twin.site_model import HORIZONS
from icsguard.twin.what_if import WhatIf, envelopes


def _state(level, pump):
    return np.array([level, pump]), np.array([level, pump])


def _tried(tank, level, pump, write, **changes):
    return WhatIf(tank.model(**changes), tank.points, 60).try_write(*_state(level, pump), {1: write})


def test_a_write_that_overfills_the_tank_is_told_with_its_moment(tank):
    (found,) = _tried(tank, 1.95, 0.0, 1.0)
    assert (3.0, 11, True, True) == (found.limit, found.step, found.by_mean, found.trusted)
    assert found.predicted > 3.0 > found.without


def test_a_write_that_keeps_the_tank_is_not_told(tank):
    assert _tried(tank, 2.0, 1.0, 1.0) == []


def test_what_happens_anyway_is_not_the_writes_doing(tank):
    """The pump is off and the tank runs empty; writing `off` again is no cause."""
    found = WhatIf(tank.model(), tank.points, 60).try_write(*_state(0.6, 0.0), {1: 0.0})
    assert found == []


def test_a_write_that_helps_is_not_told_even_outside_the_envelope(tank):
    assert [one for one in _tried(tank, 3.4, 1.0, 0.0) if one.limit == 3.0] == []


def test_the_band_alone_tells_less_than_the_mean(tank):
    (found,) = _tried(tank, 1.68, 1.0, 0.0)  # falls to 0.48 in 60 steps: mean below 0.5 only at the very end
    assert found.limit == 0.5
    (near,) = _tried(tank, 1.75, 1.0, 0.0)  # ends at 0.55, band 0.1
    assert not near.by_mean


def test_a_forecast_beyond_its_gate_is_not_trusted(tank, make_column, make_site):
    columns = (make_column("level", trusted_steps=5), make_column("pump", "command", seen_high=1.0))
    (found,) = WhatIf(make_site(columns, tank.terms), tank.points, 60).try_write(*_state(2.0, 0.0), {1: 1.0})
    assert not found.trusted


def test_a_combination_of_bits_that_was_never_seen_widens_the_band(tank):
    (known,) = _tried(tank, 2.0, 0.0, 1.0)
    (unseen,) = _tried(tank, 2.0, 0.0, 1.0, known_modes=((0,),))
    assert unseen.unseen
    assert unseen.band == pytest.approx(2 * known.band)


@pytest.mark.parametrize("written", [1e200, 1.7e308, float("inf")])
def test_a_number_beyond_all_measure_is_tried_and_told(make_site, make_column, tank, written):
    """The level is tied to the square of what the valve is told: of such a number that is infinite."""
    columns = (make_column("level"), make_column("valve", "command"))
    model = make_site(columns, (), ties=(Tie(0, 1, 2, 0.1), Tie(0, -1, 1, 1.0)))
    (found,) = WhatIf(model, tank.points, 60).try_write(*_state(1.0, 0.0), {1: written})
    assert 3.0 == found.limit
    assert np.isfinite(found.predicted)


def test_trying_changes_nothing(tank):
    what_if = WhatIf(tank.model(), tank.points, 60)
    state, previous = _state(2.0, 0.0)
    before = what_if.forecast(state, previous).copy()
    what_if.try_write(state, previous, {1: 1.0})
    np.testing.assert_array_equal(before, what_if.forecast(state, previous))
    np.testing.assert_array_equal([2.0, 0.0], state)


def test_bounds_are_ordered(tank):
    bands = tank.model().bands(60)
    assert (np.diff(bands[:, 0]) >= 0).all()
    assert (bands[:, 0] > 0).all()
    assert HORIZONS[-1] == 60


def test_only_declared_safe_ranges_are_guarded(tank):
    points = {point.name: point for point in tank.points}
    assert [(0, 0.5, 3.0)] == [tuple(one) for one in envelopes(tank.model(), points)]
    assert not WhatIf(tank.model(), (), 60).guards
