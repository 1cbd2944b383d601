from dataclasses import replace

import numpy as np
import pytest

from icsguard.twin import fitting
from icsguard.twin.bands import fidelity, forecast_errors
from icsguard.twin.course_search import improve, refit
from icsguard.twin.dynamics import Feature, loads

ROOM, FAN, DRIVE, TOLD = range(4)


def building(length=2400, seed=5):
    """A room with an unmeasured load and a fan; beside it a drive that follows what it is told."""
    chance = np.random.default_rng(seed)
    rows = np.zeros((length, 4))
    room, drive, told = 5.0, 50.0, 50.0
    for index in range(length):
        fan = float(index % 120 < 110)
        told = float(chance.uniform(40, 60)) if index % 37 == 0 else told
        load = 1.0 + 0.7 * np.sin(index / 200)
        rows[index] = room + 0.02 * chance.standard_normal(), fan, drive + 0.05 * chance.standard_normal(), told
        room += load - 0.2 * fan * room
        drive += 0.4 * (told - drive)
    aligned = rows[:-1].copy()
    aligned[:, [FAN, TOLD]] = rows[1:, [FAN, TOLD]]
    return aligned


def columns(rows):
    bits = np.array([False, True, False, False])
    mean, scale = fitting.standardisers(rows, np.full(4, 0.01), bits)
    return fitting.Columns(
        mean=mean,
        scale=scale,
        low=np.full(4, -1e9),
        high=np.full(4, 1e9),
        moving=(ROOM, DRIVE),
        free=(DRIVE,),
        numbers=(ROOM, DRIVE, TOLD),
        bits=(FAN,),
        acts_on=np.ones((4, 4), dtype=np.bool_),
    )


@pytest.fixture(scope="module")
def taught():
    rows = building()
    known = columns(rows)
    plain = fitting.fit([rows], known)
    return rows, plain, improve(plain, [rows], known)


def test_a_stock_under_a_load_has_a_course_and_a_drive_keeps_its_law(taught):
    _, plain, better = taught
    assert [ROOM] == [course.target for course in better.courses]
    assert [ROOM] == [column for column, _ in better.law.drifts]
    drive = [term for term in plain.law.terms if term.target == DRIVE]
    assert drive == [term for term in better.law.terms if term.target == DRIVE]
    assert FAN in better.law.bits


def test_forecasts_across_a_stop_become_good_enough_to_be_believed(taught):
    _, plain, better = taught
    fresh = building(seed=6)
    known = []
    for law in (plain.law, better.law):
        errors = forecast_errors(law, fresh, (FAN, TOLD), 0)
        known.append(fidelity([errors], ROOM, 0.01, 20.0).band)
    assert known[1][4] < 0.7 * known[0][4]


def test_weights_from_other_rows_are_nearly_the_same_and_the_structure_is(taught):
    _, _, better = taught
    law = refit(better, [building(seed=7)])
    assert better.law.drifts == law.drifts
    pairs = list(zip(better.law.terms, law.terms, strict=True))
    assert all(one._replace(weight=0.0) == other._replace(weight=0.0) for one, other in pairs)
    for one, other in pairs:
        if one.target == ROOM and one.when:
            assert one.weight == pytest.approx(other.weight, rel=0.15)


def test_the_load_along_rows_is_what_the_law_left_over(taught):
    rows, _, better = taught
    found = loads(better.law, rows)
    assert 0.0 == np.abs(found[:, DRIVE]).max()
    swing = 0.7 * np.sin(np.arange(len(rows)) / 200)
    assert np.corrcoef(found[50:, ROOM], swing[50:])[0, 1] > 0.9


def test_too_few_rows_leave_the_law_as_it_is():
    rows = building(400)
    plain = fitting.fit([rows], columns(rows))
    assert plain.law is improve(plain, [rows[:8]], columns(rows)).law


def test_stretches_too_short_to_say_anything_are_passed_over(taught):
    rows, plain, better = taught
    known = columns(rows)
    pieces = [rows[:1200], rows[1200:1202], rows[1202:]]
    assert better.courses == improve(plain, pieces, known).courses
    assert replace(plain.law).terms == refit(replace(better, courses=()), [rows]).terms


def test_what_a_switch_does_to_a_number_it_does_beside_a_constant(taught):
    _, _, better = taught
    (course,) = better.courses
    switched = [one for one in course.inputs if one.when]
    assert switched
    assert all(one._replace(feature=Feature(-1)) in course.inputs for one in switched)


def test_of_two_laws_that_hardly_err_the_plain_one_stays():
    chance = np.random.default_rng(2)
    rows = np.zeros((2400, 4))
    level = 5.0
    for index in range(2400):
        pump = float(index % 120 < 110)
        flow = 0.3 * pump + 0.05 * np.sin(index / 30)
        rows[index] = level + 0.001 * chance.standard_normal(), pump, flow, 0.2
        level += flow - 0.28
    aligned = rows[:-1].copy()
    aligned[:, FAN] = rows[1:, FAN]
    known = replace(columns(aligned), moving=(ROOM,), free=(), numbers=(ROOM, DRIVE))
    assert () == improve(fitting.fit([aligned], known), [aligned], known).courses


def test_data_without_noise_are_explained_to_the_last_bit():
    rows = np.zeros((600, 4))
    for index in range(1, 600):
        pump = float(index % 60 < 50)
        rows[index] = rows[index - 1, ROOM] + 0.25 * pump - 0.125, pump, 0.5, 0.5
    aligned = rows[:-1].copy()
    aligned[:, FAN] = rows[1:, FAN]
    known = replace(columns(aligned), moving=(ROOM,), free=(), numbers=(ROOM,))
    better = improve(fitting.fit([aligned], known), [aligned], known)
    assert np.isfinite([term.weight for term in better.law.terms]).all()
