"""The first model of a site is its champion; any other stands beside it, or follows it by rule where points changed."""

from dataclasses import replace
from pathlib import Path

import pytest

from icsguard.config.settings import Conduit, GatewaySettings, Settings, ShadowSettings
from icsguard.lab.offline import OfflineCell, cell_points
from icsguard.learn import succession
from icsguard.learn.succession import Place, succeed
from icsguard.policy.rules import Policy
from icsguard.runtime.model_shelf import Shelf
from icsguard.runtime.model_store import PUBLIC_KEY

POINTS = cell_points()
RENAMED = (replace(POINTS[0], name=f"{POINTS[0].name}_new"), *POINTS[1:])
BESIDE = "it ran beside the champion"


def conduit(points):
    return Conduit("cell", "127.0.0.1", 1502, "127.0.0.1", 502, policy=Policy(points=tuple(points)))


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("state")
    models = ShadowSettings(models_dir=str(folder / "models"), horizon_s=12.0)
    return Settings(GatewaySettings(state_dir=str(folder)), (conduit(POINTS),), shadow=models)


@pytest.fixture(scope="module")
def shelf(settings):
    return Shelf(Path(settings.shadow.models_dir) / "cell", Path(settings.gateway.state_dir) / PUBLIC_KEY)


@pytest.fixture(scope="module")
def traffic():
    return OfflineCell(5).run(140)


@pytest.fixture(scope="module")
def course(settings, shelf, traffic):
    """Learn three times: the first model, one of the same points, one after a review that renamed a point."""
    found = []
    for points, before in ((POINTS, ()), (POINTS, POINTS), (RENAMED, POINTS)):
        one = succeed(settings, conduit(points), traffic, before, lambda *_: None)
        found.append((one, shelf.champion, shelf.challenger))
    return found


def test_the_first_model_of_a_site_is_its_champion(course):
    found, champion, challenger = course[0]
    assert (Place.FIRST, None, None) == (found.place, found.ruling, challenger)
    assert champion.manifest == found.manifest


def test_a_model_of_the_same_points_waits_beside_it_for_its_day_on_live_traffic(course):
    found, champion, challenger = course[1]
    assert Place.WAITS == found.place
    assert course[0][1].digest == champion.digest
    assert challenger.manifest == found.manifest
    assert BESIDE in [rule.text for rule in found.ruling.rules if not rule.held]


def test_after_a_review_of_the_points_the_rules_decide_but_for_the_live_run(course):
    found, champion, challenger = course[2]
    assert BESIDE not in [rule.text for rule in found.ruling.rules]
    if found.ruling.may_promote:
        assert (Place.PROMOTED, found.manifest) == (found.place, champion.manifest)
    else:
        assert (Place.WAITS, found.manifest) == (found.place, challenger.manifest)


def test_a_champion_of_points_that_nobody_has_any_more_judges_nobody(settings, shelf, traffic, monkeypatch):
    others = [replace(point, name=f"{point.name}_x") for point in POINTS]
    monkeypatch.setattr(succession, "challenge", lambda *_: pytest.fail("nobody to stand beside"))
    found = succeed(settings, conduit(others), traffic, (), lambda *_: None)
    assert Place.FIRST == found.place
    assert shelf.champion.manifest == found.manifest
    assert shelf.previous()
