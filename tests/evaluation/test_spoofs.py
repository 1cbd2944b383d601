import numpy as np
import pytest

from icsguard.evaluation import spoofs
from icsguard.evaluation.spoofs import KINDS, Spoof, SpoofTrial


@pytest.fixture
def spoof(bench):
    site = bench.site(9)
    site.poll()

    def make(kind, seed=1):
        return Spoof(kind, bench, dict(site.shown), np.random.default_rng(seed))

    return make


def sensors(bench):
    return [tag for tag in bench.plant.measured if bench.spans[tag.name] > 0]


@pytest.mark.parametrize("kind", KINDS)
def test_half_of_the_sensors_at_most_are_touched(bench, spoof, kind):
    one = spoof(kind)
    for _ in range(40):
        tamper = one.tamper()
    touched = {tag.name for tag in bench.plant.tags if tamper(tag, 1.0) != 1.0}
    assert one.victim in touched
    assert len(touched) <= spoofs.CONTROLLED * len(sensors(bench))


@pytest.mark.parametrize("kind", ["spatial", "temporal"])
def test_the_victim_goes_where_the_liar_wants_it(bench, spoof, kind):
    one = spoof(kind)
    victim = next(tag for tag in bench.plant.tags if tag.name == one.victim)
    moves = [one.tamper()(victim, 0.0) for _ in range(60)]
    assert abs(moves[0]) < abs(moves[-1]) <= spoofs.MOST * bench.spans[one.victim] + 1e-9
    if kind == "spatial":
        assert abs(moves[-1]) >= spoofs.LEAST * bench.spans[one.victim] - 1e-9


def test_a_statistical_spoof_begins_where_the_plant_is(bench, spoof):
    one = spoof("statistical")
    tags = {tag.name: tag for tag in bench.plant.tags}
    one._poll = 0
    assert one._say(one.victim, 99.0) == pytest.approx(bench.site(9).poll() and one._say(one.victim, -99.0))
    assert 1.0 != one.tamper()(tags[one.victim], 1.0)


def test_each_kind_is_tried_as_often_as_said_with_baselines_beside(bench):
    trial = SpoofTrial(bench)
    trial.run(1)
    rows = trial.rows_of_table()
    assert [(kind, 1) for kind in KINDS] == [(row["spoof"], row["attacks"]) for row in rows]
    assert all("PCA recall" in row for row in rows)
    assert all((row["found"] == 1) == (row["not found most often"] == "") for row in rows)
