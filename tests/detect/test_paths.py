"""Two paths to one variable: a lasting difference is told once, a moving plant is not."""

import pytest

from icsguard.core.clock import SECOND
from icsguard.core.decision import Decision
from icsguard.core.meaning import Table
from icsguard.core.point import DataType, Limits, Point
from icsguard.detect.paths import FRESH_NS, PERSIST_NS, PathWatch, tolerance
from icsguard.twin.image import Image

START = 1_000 * SECOND


def level(**more):
    return Point("level", 1, Table.HOLDING, 0, DataType.U16, node="nsu=u;s=Level", safe_min=0, safe_max=100, **more)


class Plant:
    def __init__(self, **more):
        self.images = {"plc": Image([level()]), "ua": Image([level(**more)]), "other": Image([])}
        self.watch = PathWatch(self.images)
        self.now = START

    def say(self, seconds=1, **values):
        """Let the paths say their values each second; return the findings."""
        found = []
        for _ in range(seconds):
            self.now += SECOND
            for conduit, value in values.items():
                self.images[conduit].read(1, Table.HOLDING, 0, (value,), asked=self.now, now=self.now)
            found += self.watch.look(self.now)
        return found


def test_paths_that_agree_are_silent():
    assert [] == Plant().say(60, plc=50, ua=50)


def test_a_plant_that_moves_between_two_readings_is_no_disagreement():
    assert [] == Plant().say(60, plc=50, ua=55)


def test_a_lasting_difference_is_told_once_and_again_after_it_was_gone():
    plant = Plant()
    assert [] == plant.say(PERSIST_NS // SECOND, plc=50, ua=80)
    (found,) = plant.say(30, plc=50, ua=80)
    assert ("paths-disagree", "level", Decision.ALERT) == (found.code, found.point, found.decision)
    assert "plc" in found.text
    assert "ua" in found.text
    assert found.technique
    plant.say(2, plc=50, ua=50)
    assert 1 == len(plant.say(30, plc=50, ua=80))


def test_a_short_difference_is_forgiven():
    plant = Plant()
    plant.say(5, plc=50, ua=80)
    plant.say(1, plc=50, ua=50)
    assert [] == plant.say(8, plc=50, ua=80)


def test_a_path_that_says_nothing_new_is_no_witness():
    plant = Plant()
    plant.say(1, plc=50, ua=80)
    assert [] == plant.say(FRESH_NS // SECOND + 60, plc=50)


def test_only_the_same_name_and_node_make_a_pair():
    other = Point("level", 1, Table.HOLDING, 0, node="nsu=u;s=Other")
    bare = Point("level", 1, Table.HOLDING, 0)
    images = {"a": Image([level()]), "b": Image([other]), "c": Image([bare])}
    assert 0 == len(PathWatch(images))
    assert 1 == len(PathWatch({"a": Image([level()]), "b": Image([level()])}))


@pytest.mark.parametrize(
    ("point", "values", "expected"),
    [
        (level(), (1.0, 2.0), 0.05 * 100 + 1),
        (Point("p", 1, Table.HOLDING, 0, scale=0.1, limits=Limits(0, 10)), (1.0,), 0.05 * 10 + 0.1),
        (Point("p", 1, Table.HOLDING, 0, scale=-0.1), (-200.0, 4.0), 0.05 * 200 + 0.1),
    ],
)
def test_the_tolerance_is_a_part_of_the_points_span(point, values, expected):
    assert expected == pytest.approx(tolerance(point, *values))


def test_looking_often_costs_nothing():
    plant = Plant()
    plant.say(PERSIST_NS // SECOND + 1, plc=50, ua=80)
    assert 1 == len(plant.watch)
    assert [] == plant.watch.look(plant.now + 1)
