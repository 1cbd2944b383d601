"""A unit is kept in step with the plant and never left changed; the rest is the battery in test_api.py."""

import pytest

from icsguard.twin.api import Move
from icsguard.twin.fmu import FmuTwin
from icsguard.twin.grid import Row

SECOND = 1_000_000_000


class Tank:
    """A level that rises by its inflow."""

    inputs, outputs = ("pump",), ("level", "of no point")

    def __init__(self, broken_at=99.0):
        self.broken_at = broken_at

    def reset(self, values):
        self.level = values["level"]

    def step(self, inputs, seconds):
        self.level += inputs["pump"] * seconds
        return {"level": float("nan") if self.level > self.broken_at else self.level, "of no point": 1.0}

    def save(self):
        return self.level

    def load(self, state):
        self.level = state


def twin(*levels, unit=None):
    made = FmuTwin(("level", "pump"), unit or Tank(), SECOND)
    for number, level in enumerate(levels):
        made.observe(Row(number * SECOND, (level, 1.0), bool(number)))
    return made


def test_the_unit_gets_the_plants_commands_and_its_error_is_carried_on():
    made = twin(2.0, 3.5)  # the unit says 3.0
    assert [4.5, 5.5, 6.5] == made.predict([], 3).mean[:, 0].tolist()
    assert [3.5, 3.5] == made.predict([Move(1, 0.0)], 2).mean[:, 0].tolist()


def test_a_gap_begins_anew():
    made = twin(2.0, 3.5)
    made.observe(Row(99 * SECOND, (1.0, 1.0), follows=False))
    assert [2.0] == made.predict([], 1).mean[:, 0].tolist()


def test_what_is_no_number_is_refused_and_the_unit_goes_back():
    made = twin(2.0, 3.0, unit=Tank(broken_at=5.0))
    with pytest.raises(ValueError, match="no number"):
        made.predict([], 5)
    assert [4.0] == made.predict([], 1).mean[:, 0].tolist()


def test_a_unit_of_other_points_is_refused():
    with pytest.raises(ValueError, match="are not points: pump"):
        FmuTwin(("level",), Tank(), SECOND)
    with pytest.raises(ValueError, match="are not points"):
        FmuTwin(("pump",), Tank(), SECOND)
