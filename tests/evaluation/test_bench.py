import numpy as np

from icsguard.evaluation.bench import CLEAN, LIES, scores


def test_every_part_has_seeds_of_its_own(bench):
    one, same, other = bench.site(CLEAN), bench.site(CLEAN), bench.site(LIES)
    polls = [[site.poll() for _ in range(3)] for site in (one, same, other)]
    assert polls[0] == polls[1]
    assert polls[0] != polls[2]


def test_spans_are_what_was_seen_while_learning(bench):
    assert bench.spans["level_1"] == np.ptp(bench.rows[:, 0])
    assert len(bench.rows) == 900


def test_baselines_are_scored_in_units_of_their_thresholds(bench):
    found = dict(scores(bench, bench.rows.tolist()))
    assert {"random", "min-max", "PCA"} == set(found)
    assert 0.9 < (found["PCA"][100:600] < 1.0).mean()


def test_a_row_has_the_order_of_the_tags(bench):
    shown = {tag.name: float(number) for number, tag in enumerate(bench.plant.tags)}
    assert list(range(len(bench.plant.tags))) == bench.row(shown)
