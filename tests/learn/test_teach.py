"""Spans are cut out whole, and hours that contradict all others do not teach."""

import pytest

from icsguard.config.settings import Conduit, ShadowSettings
from icsguard.core.clock import HOUR
from icsguard.core.meaning import Table
from icsguard.core.point import DataType
from icsguard.lab.plants.catalog import PLANTS
from icsguard.lab.plants.shift import Shift
from icsguard.lab.plants.site import START, PlantSite
from icsguard.learn.fit import NothingToLearnError
from icsguard.learn.teach import Teaching, inside, lesson_from, note, outside, teach, teaching_of
from icsguard.learn.trimming import Suspect
from icsguard.policy.rules import Policy

PLANT = PLANTS["water"]
CONDUIT = Conduit("water", "127.0.0.1", 1502, "127.0.0.1", 502, policy=Policy(points=PLANT.points))
TEACHING = Teaching(horizon_s=1_200.0, window_s=200.0)
LIED = range(20, 21)
"""Hours after the start in which a sensor lies."""


@pytest.fixture(scope="module")
def recording():
    """Thirty hours, in one of which a level is shown half a metre too high."""
    site, shift, made = PlantSite(PLANT, 1), Shift(PLANT, 2), []
    for poll in range(30 * 180):
        lies = poll // 180 in LIED
        made += site.poll((lambda tag, value: value + 0.5 if tag.name == "level_1" else value) if lies else None)
        made += [site.write(*write) for write in shift.due()]
    return made


def test_hours_in_which_a_sensor_lied_do_not_teach(recording):
    made = teach(recording, CONDUIT, TEACHING)
    hours = {(one.begin - START + HOUR // 2) // HOUR for one in made.left_out}
    assert set(LIED) <= hours
    assert len(made.left_out) <= 5
    assert "level_1" in {one.point for one in made.left_out}
    assert "contradict all others" in made.fitted.model.notes[-1]
    left = [one for one in made.lesson.segments if (one.begin - START + HOUR // 2) // HOUR in LIED]
    assert [] == left


def test_without_trims_everything_teaches(recording):
    made = teach(recording[: len(recording) // 5], CONDUIT, Teaching(1_200.0, 200.0, trims=False))
    assert () == made.left_out


def test_spans_may_overlap_and_come_in_any_order(recording):
    few = recording[:30]
    at = [one.request_at for one in few]
    spans = [(at[20], at[25]), (at[3], at[10]), (at[5], at[8])]
    assert [*few[:3], *few[10:20], *few[25:]] == outside(few, spans)
    assert [*few[3:10], *few[20:25]] == inside(few, spans)
    assert few == outside(few, [])


def test_a_lesson_needs_points_and_rows(recording):
    with pytest.raises(NothingToLearnError, match="no point list"):
        lesson_from(recording, Conduit("water", "127.0.0.1", 1, "127.0.0.1", 2), 60.0)
    with pytest.raises(NothingToLearnError, match="no whole row"):
        lesson_from([], CONDUIT, 60.0)


def test_what_nobody_writes_is_measured(recording):
    lesson = lesson_from(recording[:2000], CONDUIT, 1_200.0)
    inputs = {one.name for one in PLANT.points if one.table is Table.INPUT}
    assert inputs <= set(lesson.measured)
    assert any(one.type is DataType.BOOL for one in PLANT.points)


def test_the_settings_say_how(recording):
    assert Teaching(7.0, 2.0, 3.0) == teaching_of(ShadowSettings(horizon_s=7.0, score_every_s=2.0, alarms_per_day=3.0))


def test_a_note_names_the_worst_and_counts_the_rest():
    many = [Suspect(0, 1, f"p{number}", 9.0) for number in range(8)]
    assert note(many).startswith("8 stretches")
    assert "p4" in note(many)
    assert "p5" not in note(many)
