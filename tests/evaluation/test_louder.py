from dataclasses import replace
from types import SimpleNamespace

import pytest

from icsguard.evaluation import louder
from icsguard.evaluation.louder import Louder


def test_a_factor_is_told_with_how_many_were_in_time_and_the_middle():
    cells = Louder(1.3, (12.0, 59.0, float("inf"))).cells()
    assert "2 of 3" == cells["residuals x 1.3: suspended within the hour"]
    assert 59.0 == cells["residuals x 1.3: median, min"]


def test_a_middle_that_was_never_reached_is_not_told():
    assert Louder(2.0, (5.0, float("inf"), float("inf"))).cells()["residuals x 2: median, min"] is None
    assert Louder(2.0, ()).cells()["residuals x 2: median, min"] is None


class Guard:
    """Suspends so many polls after residuals became louder; one that was suspended before says so from the start."""

    def __init__(self, polls, *, before=False):
        self.polls, self.seen, self.factor, self.before = polls, 0, 1.0, before

    def see(self, _transactions):
        self.seen += self.factor > 1.0

    def louder(self, factor):
        self.factor = factor

    def fact(self, name):
        assert "guarantee_suspended_since" == name
        return float(self.before or self.seen * (self.factor - 1.0) >= self.polls)


@pytest.fixture
def plant(bench):
    def make(*guards):
        waiting = list(guards)
        return replace(bench, taught=SimpleNamespace(guard=lambda: waiting.pop(0)))

    return make


def test_each_factor_is_timed_from_the_moment_that_residuals_grow(plant):
    found = louder.measure(plant(Guard(9), Guard(9000), Guard(9), Guard(30)), 2)
    assert [Louder(1.3, (10.0, float("inf"))), Louder(2.0, (3.0, 10.0))] == list(found)


def test_a_plant_that_was_suspended_before_is_no_trial(plant):
    found = louder.measure(plant(Guard(9, before=True), Guard(9)), 1)
    assert [(), (3.0,)] == [one.minutes for one in found]


def test_residuals_grow_by_the_factor(bench):
    guards = [bench.taught.guard(), bench.taught.guard()]
    guards[1].louder(2.0)
    site = bench.site(0)
    for _ in range(30):
        poll = site.poll()
        for guard in guards:
            guard.see(poll)
    assert 2.0 * guards[0].score() == pytest.approx(guards[1].score(), abs=2e-3)
