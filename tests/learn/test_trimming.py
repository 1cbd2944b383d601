"""Which hours contradict the others: none of a short recording, none of many faces, none for a command's sake."""

import numpy as np
import pytest

from icsguard.config.settings import Conduit
from icsguard.lab.offline import OfflineCell, cell_points
from icsguard.learn import trimming
from icsguard.learn.fit import fit
from icsguard.learn.recorded import record, rows
from icsguard.learn.trimming import LEAST_HOURS, suspects
from icsguard.policy.rules import Policy

POINTS = cell_points()


@pytest.fixture(scope="module")
def learnt():
    conduit = Conduit("cell", "127.0.0.1", 1502, "127.0.0.1", 502, policy=Policy(points=POINTS))
    made = OfflineCell(1).run(60)
    return fit(made, conduit, horizon_s=12), rows(record(made, POINTS), 12.0)


@pytest.fixture
def hours(monkeypatch, learnt):
    """Let every row be an hour's largest, with some hours blown up."""
    size = sum(column.kind == "moving" for column in learnt[0].model.columns)

    def make(count, strange):
        table = np.ones((count, 6, size))
        table[list(strange), 2, 1] = 50.0
        monkeypatch.setattr(trimming, "_hours", lambda *_: (list(range(count)), table))
        return suspects(*learnt)

    return make


def test_a_minute_has_no_usual_hour(learnt):
    assert [] == suspects(*learnt)


def test_strange_hours_are_found_worst_first(hours):
    found = hours(LEAST_HOURS * 2, (3, 7))
    assert {3, 7} == {one.begin // (one.end - one.begin) for one in found}
    assert 50.0 == found[0].factor


def test_too_few_hours_or_too_many_strange_ones_leave_all(hours):
    assert [] == hours(LEAST_HOURS - 1, (3,))
    assert [] == hours(LEAST_HOURS, range(8))


def test_a_round_leaves_out_the_strangest_and_judges_the_others_again(hours, monkeypatch):
    assert 10 == len(hours(4 * LEAST_HOURS, range(10)))
    monkeypatch.setattr(trimming, "MAX_TRIMMED", 0.05)
    assert 4 == len(hours(4 * LEAST_HOURS, range(10)))
    assert 1 == len(hours(LEAST_HOURS // 2 * 2, (5,)))


def test_rows_after_a_command_are_not_looked_at():
    changed = np.zeros(100, dtype=bool)
    changed[30] = True
    calm = trimming._calm(changed)
    assert calm[:30].all()
    assert not calm[30:50].any()
    assert calm[50:].all()
