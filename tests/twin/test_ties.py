import numpy as np

from icsguard.twin.ties import fit_ties


def _rows(curve):
    noise = np.random.default_rng(2)
    speed = noise.normal(0, 1, 400)
    other = noise.normal(0, 1, 400)
    return np.column_stack([speed, other, curve(speed) + noise.normal(0, 0.01, 400)])


def _acts(size=3):
    return np.ones((size, size), dtype=bool)


def test_a_point_that_follows_another_by_a_curve_is_tied_to_it():
    ties = fit_ties(_rows(lambda x: 2 * x - 0.3 * x**2), (0, 1, 2), (2,), _acts())
    found = {(tie.point, tie.power): tie.weight for tie in ties if tie.point >= 0}
    assert abs(found[0, 1] - 2) < 0.02
    assert abs(found[0, 2] + 0.3) < 0.02
    assert (1, 1) not in found


def test_a_point_of_its_own_is_not_tied():
    assert fit_ties(_rows(lambda x: 0 * x + np.random.default_rng(9).normal(0, 1, 400)), (0, 1, 2), (2,), _acts()) == []


def test_a_flow_that_is_cut_off_at_zero_is_tied_by_what_lies_above():
    ties = fit_ties(_rows(lambda x: np.maximum(x, 0.0).round(1)), (0, 1, 2), (2,), _acts())
    assert 0 in {tie.point for tie in ties}


def test_two_points_are_never_tied_to_each_other():
    ties = fit_ties(_rows(lambda x: 2 * x), (0, 1, 2), (2, 0), _acts())
    assert {2} == {tie.target for tie in ties}
