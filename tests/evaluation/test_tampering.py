import numpy as np
import pytest

from icsguard.evaluation.tampering import CREEP, KINDS, LEAST, LENGTH, MOST, Liar, draw
from icsguard.lab.plants.catalog import PLANTS

PLANT = PLANTS["water"]
SPANS = {tag.name: 1.0 for tag in PLANT.tags}
LAST = {tag.name: 0.5 for tag in PLANT.tags}
HISTORY = [{tag.name: float(number) for tag in PLANT.tags} for number in range(200)]


def course(kind, value=0.5):
    """What an attacked sensor says, poll by poll, while its true value stands still; with the attack itself."""
    noise = np.random.default_rng(4)
    lie = draw(kind, PLANT, SPANS, noise)
    liar = Liar(lie, LAST, HISTORY, noise)
    tag = lie.tag or PLANT.measured[0]
    return lie, [liar.tamper()(tag, value) for _ in range(LENGTH)]


def test_a_bias_is_there_at_once_and_stays():
    lie, said = course("bias")
    assert LEAST <= abs(lie.size) <= MOST
    assert [0.5 + lie.size] * LENGTH == pytest.approx(said)


def test_a_scale_is_as_large_as_said_where_it_began():
    lie, said = course("scale")
    assert 0.5 + lie.size == pytest.approx(said[0])


def test_a_ramp_reaches_its_size_and_stays_there():
    lie, said = course("ramp")
    assert abs(said[0] - 0.5) < 0.1 * abs(lie.size)
    assert 0.5 + lie.size == pytest.approx(said[-1])


def test_a_creeping_ramp_moves_by_less_than_anybody_promises_to_see():
    lie, said = course("creeping ramp")
    assert CREEP == pytest.approx(abs(said[1] - said[0]))
    assert CREEP * LENGTH == lie.share


def test_a_frozen_sensor_says_its_last_value():
    _, said = course("frozen", value=0.9)
    assert [0.5] * LENGTH == said


def test_a_replay_is_a_recording_in_its_order():
    lie, said = course("replay")
    assert lie.tag is None
    assert list(range(int(said[0]), int(said[0]) + LENGTH)) == said


def test_other_sensors_say_the_truth():
    noise = np.random.default_rng(4)
    lie = draw("bias", PLANT, SPANS, noise)
    say = Liar(lie, LAST, HISTORY, noise).tamper()
    assert all(say(tag, 0.7) == 0.7 for tag in PLANT.measured if tag is not lie.tag)


def test_a_sensor_that_never_moved_is_not_chosen():
    spans = {name: float(name == "level_2") for name in SPANS}
    noise = np.random.default_rng(4)
    assert {"level_2"} == {draw("bias", PLANT, spans, noise).tag.name for _ in range(20)}
    assert set(KINDS) >= {"bias", "frozen", "replay"}
