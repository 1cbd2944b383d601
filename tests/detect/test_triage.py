"""What an alarm looks like: features mean the same everywhere, and a model of other features is refused."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from icsguard.detect.explain import looks_like
from icsguard.detect.residuals import STREAMS, Levels
from icsguard.detect.shadow import Shadow
from icsguard.detect.triage import (
    CLASSES,
    FEATURES,
    MEMORY,
    SURE,
    Named,
    TriageMemory,
    feature_digest,
    open_triage,
)
from icsguard.inference.api import ModelRefusedError

AT = {name: place for place, name in enumerate(FEATURES)}


def filled(seen, beside=None, streams=None, columns=3):
    """Return a memory whose first column is alarming."""
    memory = TriageMemory()
    noise = np.random.default_rng(1)
    for number, value in enumerate(seen):
        levels = np.full((len(STREAMS), columns), 0.1)
        levels[:, 0] = 2.0 if streams is None else streams[number]
        shown = np.array([value, *noise.normal(size=columns - 1)])
        memory.take(
            Levels(levels, shown, np.array([0.0 if beside is None else beside[number], *[0.0] * (columns - 1)]))
        )
    return memory.features()


def test_too_few_rows_have_no_features_and_a_gap_forgets():
    memory = TriageMemory()
    assert memory.features() is None
    for _ in range(MEMORY):
        memory.take(Levels(np.ones((len(STREAMS), 2)), np.zeros(2), np.zeros(2)))
    assert memory.features() is not None
    memory.take(None)
    assert memory.features() is None


def test_there_is_a_number_for_every_name():
    found = filled(np.random.default_rng(2).normal(size=MEMORY))
    assert len(FEATURES) == len(found)
    assert np.isfinite(found).all()


def test_a_frozen_value_is_still_and_a_live_one_is_not():
    live = np.random.default_rng(2).normal(size=MEMORY)
    frozen = np.concatenate([live[:10], np.full(MEMORY - 10, live[9])])
    assert filled(live)[AT["still"]] == 0
    assert filled(frozen)[AT["longest_still"]] > 0.6
    assert filled(frozen)[AT["spread_now_to_before"]] < -3


def test_a_drift_is_straight_and_a_shift_has_a_jump():
    rise = np.arange(MEMORY) / 5
    assert filled(rise, beside=rise)[AT["straightness"]] > 0.99
    level = np.where(np.arange(MEMORY) == MEMORY - 4, 50.0, 1.5)
    found = filled(rise, streams=level)
    assert found[AT["jump"]] == pytest.approx(np.log1p(50.0))
    assert found[AT["jump_age"]] == pytest.approx(3 / MEMORY)


def test_many_points_at_once_are_counted():
    memory = TriageMemory()
    for number in range(MEMORY):
        levels = np.full((len(STREAMS), 8), 3.0 if number == MEMORY - 2 else 0.1)
        memory.take(Levels(levels, np.full(8, float(number)), np.zeros(8)))
    found = memory.features()
    assert found[AT["share_of_points"]] == 1.0
    assert found[AT["points_at_once"]] == pytest.approx(np.log1p(8))


class Scorer:
    digest = "abc"

    def score(self, row):
        assert len(FEATURES) == row.size
        return np.array([[0.1, 0.2, 0.6, 0.1]]), np.array([[0.2, 0.1, 0.9, 0.1]])


def card(**changes):
    size = len(FEATURES)
    fields = {
        "kind": "triage", "features": FEATURES, "feature_digest": feature_digest(), "name": "t",
        "mean": (0.0,) * size, "scale": (1.0,) * size,
    }  # fmt: skip
    return SimpleNamespace(**(fields | changes))


def test_the_vote_of_both_names_the_class():
    named = open_triage(Scorer(), card()).name(np.zeros(len(FEATURES)))
    assert (CLASSES[2], CLASSES[2], CLASSES[2]) == (named.name, named.forest, named.machine)
    assert named.chance == pytest.approx((0.6 + 0.9 / 1.3) / 2)


@pytest.mark.parametrize("change", [{"kind": "other"}, {"features": ("a",)}, {"feature_digest": "0"}])
def test_a_model_of_other_features_is_refused(change):
    with pytest.raises(ModelRefusedError):
        open_triage(Scorer(), card(**change))


def test_an_alarm_gets_its_name_and_an_unsure_one_none(options, site, watched):
    class Sure:
        digest = "abc"

        def __init__(self, chance):
            self.chance = chance

        def name(self, features):
            return Named("frozen", self.chance, "frozen", "frozen")

    texts = []
    for chance in (0.9, SURE - 0.1):
        sharp = replace(site, model=replace(site.model, residuals=replace(site.model.residuals, threshold=1e-9)))
        scene = type(watched)(Shadow(options, {"cell": sharp}, None, Sure(chance)))
        scene.run(12)
        texts.append([one.text for one in scene.findings if one.code == "implausible"])
        assert texts[-1]
    assert "abc" == scene.shadow.status(0)["triage"]
    named = replace(scene.findings[-1], text="odd", facts={})
    assert (
        "odd; it looks like a value that stands still (probability 0.90)" == looks_like(named, Sure(0.9).name(0)).text
    )
    assert looks_like(named, Sure(0.3).name(0)) is named
