"""A user's own model is held to its contract; the rest is the battery in test_api.py."""

import pytest

from icsguard.twin.custom import CustomTwin
from icsguard.twin.grid import Row


class Careless:
    """A model that answers what a test says."""

    def __init__(self, answer=()):
        self.answer, self.seen = answer, []

    def observe(self, values):
        self.seen.append(values)

    def predict(self, commands, steps):
        return self.answer


def twin(answer):
    made = CustomTwin(("level", "pump"), Careless(answer), Careless)
    made.observe(Row(1, (1.0, 0.0), follows=True))
    return made


@pytest.mark.parametrize(
    ("answer", "expected"),
    [([], "0 of 2 steps"), ([{"level": float("nan")}, {}], "no number for level"), ([{}, {}, {}], "3 of 2 steps")],
)
def test_an_answer_of_another_shape_or_without_numbers_is_refused(answer, expected):
    with pytest.raises(ValueError, match=expected):
        twin(answer).predict([], 2)


def test_a_point_that_the_model_leaves_out_stays_as_it_is():
    assert [[1.0, 0.0], [2.0, 0.0]] == twin([{}, {"level": 2.0}]).predict([], 2).mean.tolist()


def test_a_gap_begins_with_a_fresh_model():
    made = twin([{}])
    first = made._model
    made.observe(Row(2, (1.0, 0.0), follows=False))
    assert made._model is not first
    assert [{"level": 1.0, "pump": 0.0}] == made._model.seen
