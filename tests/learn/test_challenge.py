"""A challenger is fitted, tried beside the champion, and its trial is believed only as long as it speaks of both."""

import pytest

from icsguard.config.settings import Conduit, GatewaySettings, Settings, ShadowSettings
from icsguard.inference.api import ModelRefusedError
from icsguard.lab.offline import OfflineCell, cell_points
from icsguard.learn.challenge import candidates, challenge, read_trial
from icsguard.learn.export import export, site_key
from icsguard.learn.fit import fit
from icsguard.learn.golden import NothingToJudgeError
from icsguard.policy.rules import Policy
from icsguard.runtime.model_shelf import TRIAL, Shelf
from icsguard.runtime.model_store import CHALLENGER, PUBLIC_KEY

CONDUIT = Conduit("cell", "127.0.0.1", 1502, "127.0.0.1", 502, policy=Policy(points=cell_points()))


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("state")
    return Settings(
        GatewaySettings(state_dir=str(folder)),
        (CONDUIT,),
        shadow=ShadowSettings(models_dir=str(folder / "models"), horizon_s=12.0),
    )


@pytest.fixture(scope="module")
def state(settings, tmp_path_factory):
    del tmp_path_factory
    from pathlib import Path

    return Path(settings.gateway.state_dir)


@pytest.fixture(scope="module")
def shelf(settings, state):
    return Shelf(state / "models" / "cell", state / PUBLIC_KEY)


@pytest.fixture(scope="module")
def traffic():
    return OfflineCell(5).run(140)


@pytest.fixture(scope="module")
def trial(settings, state, shelf, traffic):
    with pytest.raises(ModelRefusedError if shelf.champion else FileNotFoundError):
        challenge(settings, CONDUIT, traffic, lambda *_: None)
    fitted = fit(OfflineCell(1).run(40), CONDUIT, horizon_s=12)
    export(fitted, state / "models" / "cell", site_key(state))
    return challenge(settings, CONDUIT, traffic, lambda *_: None)


def test_both_models_meet_the_same_attacks(trial):
    assert trial.champion != trial.challenger
    assert trial.champion_trial.attacks == trial.challenger_trial.attacks > 0
    assert trial.champion_trial.writes == trial.challenger_trial.writes


def test_the_trial_is_read_again_with_both_models(trial, shelf, state):
    assert trial == read_trial(shelf, state / PUBLIC_KEY)
    champion, challenger = candidates(shelf, trial)
    assert trial.champion_trial == champion.trial
    assert challenger.model.rows > champion.model.rows


def test_a_changed_trial_is_none(trial, shelf, state):
    path = state / "models" / "cell" / CHALLENGER / TRIAL
    good = path.read_bytes()
    try:
        for bad in (good.replace(b'"found":', b'"found":9'), good[:70], b""):
            path.write_bytes(bad)
            assert read_trial(shelf, state / PUBLIC_KEY) is None
    finally:
        path.write_bytes(good)
    assert trial == read_trial(shelf, state / PUBLIC_KEY)


def test_too_little_traffic_leaves_the_challenger_that_is_there(trial, settings, shelf, traffic):
    with pytest.raises(NothingToJudgeError):
        challenge(settings, CONDUIT, traffic[: len(traffic) // 2], lambda *_: None)
    assert trial.challenger == shelf.challenger.digest


def test_a_trial_beside_another_champion_is_none(trial, settings, shelf, state):
    assert read_trial(shelf, state / PUBLIC_KEY) is not None
    fitted = fit(OfflineCell(2).run(40), CONDUIT, horizon_s=12)
    export(fitted, state / "models" / "cell", site_key(state))
    assert read_trial(shelf, state / PUBLIC_KEY) is None
