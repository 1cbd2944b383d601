"""Events end with the measured interval, and each is one that some contender knows."""

import time

import pytest

from bench.events import EVENTS, NEEDS, SHORT, Scene
from bench.peers.api import Stage, Standing
from bench.peers.plain import Direct
from bench.place import choose
from bench.rounds import Ground

OURSELVES = {"policy reload", "huge policy reload", "model reload", "stalled log", "stalled shadow"}


@pytest.fixture
def scene(programs, tmp_path, plc):
    def make(seconds, standing):
        ground = Ground(choose(realtime=False), programs, tmp_path)
        return Scene(ground, standing, plc, time.monotonic() + seconds)

    return make


def test_an_interval_that_is_over_has_nothing_left(scene):
    assert 0 == scene(-1, Standing(1)).left_s


@pytest.mark.parametrize("name", sorted(EVENTS.keys() - OURSELVES))
def test_an_event_that_needs_no_action_ends_with_the_interval(name, scene, programs, tmp_path, plc):
    with Direct().stand(Stage(choose(realtime=False), programs, tmp_path, plc.port, plc.port)) as standing:
        began = time.monotonic()
        EVENTS[name](scene(1.5, standing))
        assert 1.0 < time.monotonic() - began < 15


def test_an_action_is_repeated_and_its_effect_counted(scene):
    done = []
    standing = Standing(1, actions={"policy reload": lambda: done.append(1)}, done={"policy reload": lambda: len(done)})
    assert "2 times, 2 took effect meanwhile" == EVENTS["policy reload"](scene(2.3, standing))


def test_what_is_stalled_goes_on_afterwards(scene):
    done = []
    actions = {f"{what} recorder": lambda what=what: done.append(what) for what in ("stall", "resume")}
    EVENTS["stalled log"](scene(0.1, Standing(1, actions=actions)))
    assert ["stall", "resume"] == done


def test_the_short_form_and_the_needs_name_events():
    assert set(SHORT) <= EVENTS.keys()
    assert set(NEEDS) == OURSELVES
