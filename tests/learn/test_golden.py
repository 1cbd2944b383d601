"""Attacks laid over a recording: they lie where they should, everything else stays as it was, and a twin finds them."""

import itertools

import pytest

from icsguard.config.settings import Conduit
from icsguard.detect.options import ShadowOptions
from icsguard.lab.offline import OfflineCell, cell_points
from icsguard.learn.fit import fit
from icsguard.learn.golden import KINDS, LENGTH, Attack, NothingToJudgeError, attacks, forged, play
from icsguard.policy.rules import Policy
from icsguard.twin.image import Image
from icsguard.twin.scoring import predict
from icsguard.twin.site_model import Site
from icsguard.twin.traffic import event

POINTS = cell_points()
SECOND = 1_000_000_000


class Scorer:
    digest = "numpy0000000"

    def __init__(self, parts):
        self.parts = parts

    def score(self, *inputs):
        return predict(self.parts, *(one[None] for one in inputs))


@pytest.fixture(scope="module")
def site():
    conduit = Conduit("cell", "127.0.0.1", 1502, "127.0.0.1", 502, policy=Policy(points=POINTS))
    fitted = fit(OfflineCell(1).run(75), conduit, horizon_s=12)
    return Site(fitted.model, Scorer(fitted.matrices), "abc123")


@pytest.fixture(scope="module")
def recording():
    return OfflineCell(5).run(130)


def values(transactions, name):
    """Return what the transactions say of a point, with when."""
    index = next(i for i, point in enumerate(POINTS) if point.name == name)
    image, found = Image(POINTS), []
    for one in transactions:
        for seen in event(one).reads:
            image.read(1, seen.table, seen.first, seen.values, asked=one.request_at, now=one.response_at)
            found.append((one.request_at, image.cells[index].value))
    return found


def test_attacks_are_the_same_each_time_and_never_overlap(site, recording):
    found = attacks(recording, site.model)
    assert found == attacks(recording, site.model)
    assert list(KINDS[: len(found)]) == [one.kind for one in found]
    assert all(one.until < other.since for one, other in itertools.pairwise(found))
    assert all(one.until - one.since == LENGTH * site.model.step_ns for one in found)


def test_a_recording_that_is_too_short_says_how_long_it_should_be(site, recording):
    with pytest.raises(NothingToJudgeError, match="at least 40 s"):
        attacks(recording[:100], site.model)
    with pytest.raises(NothingToJudgeError, match="none of the points"):
        attacks([], site.model)


def test_outside_of_its_time_an_attack_changes_nothing(recording):
    lie = Attack("bias", recording[500].request_at, recording[900].request_at, "level_1", 0.4)
    said = list(forged(recording, POINTS, [lie]))
    assert recording[:500] == said[:500]
    assert recording[901:] == said[901:]
    changed = [one for one, other in zip(recording[500:901], said[500:901], strict=True) if one != other]
    assert changed


@pytest.mark.parametrize(("kind", "late"), [("bias", 0.4), ("ramp", 0.4), ("frozen", None)])
def test_a_lie_is_about_its_point_alone(recording, kind, late):
    lie = Attack(kind, recording[500].request_at, recording[900].request_at, "level_1", 0.4)
    said = list(forged(recording, POINTS, [lie]))
    assert values(recording, "level_2") == values(said, "level_2")
    honest, told = dict(values(recording, "level_1")), dict(values(said, "level_1"))
    inside = [at for at in told if (lie.since + lie.until) // 2 < at < lie.until - SECOND]
    if late is None:
        assert 1 == len({told[at] for at in inside})
    else:
        assert all(abs(told[at] - honest[at] - late) < 0.02 for at in inside)


def test_a_replay_says_again_what_was_said(recording):
    lie = Attack("replay", recording[500].request_at, recording[900].request_at)
    said = list(forged(recording, POINTS, [lie]))
    before = {one.response[7:] for one in recording[:500]}
    assert all(one.response[7:] in before for one in said[500:900] if one.request[7] in {1, 2, 3, 4})
    assert [one.request for one in recording] == [one.request for one in said]
    assert [one.response[:4] for one in recording] == [one.response[:4] for one in said]


def test_a_twin_finds_golden_attacks_and_counts_what_it_holds(site, recording):
    lies = attacks(recording, site.model)
    trial = play(recording, site, POINTS, None, ShadowOptions(horizon_s=12.0), lies)
    assert len(lies) == trial.attacks
    assert sum(count for _, count in trial.kinds.values()) == trial.attacks
    assert trial.found >= 1
    assert trial.recall == trial.found / trial.attacks
    assert 0 < trial.writes
    assert trial.holds < trial.writes
    assert 0.03 < trial.clean_hours < 0.04
