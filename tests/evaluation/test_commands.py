import pytest

from icsguard.evaluation import commands


@pytest.fixture(scope="module")
def trial(bench):
    return commands.measure(bench, 60, 2)


def test_every_try_is_harmful_or_harmless(trial):
    tried = trial.jumps.count + trial.switches.count + trial.harmless
    assert 50 <= tried <= 60
    assert trial.harmless_held <= trial.harmless


def test_harm_that_was_stopped_lay_ahead(trial):
    assert trial.jumps.hits + trial.switches.hits == len(trial.warnings)
    assert all(1 <= polls <= 60 for polls in trial.warnings)


def test_toggling_is_tried_and_stopped(trial):
    assert 2 == trial.toggles.count
    assert 1 <= trial.toggles.hits


def test_a_class_that_has_enough_is_tried_no_more(bench):
    found = commands.measure(bench, 60, 3, enough=1)
    assert max(found.jumps.count, found.switches.count, found.ramps.count, found.toggles.count) <= 1


def test_a_ramp_without_harm_is_not_counted(trial):
    assert trial.ramps.count <= 2
