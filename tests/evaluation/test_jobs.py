"""What comes out does not depend on how many processes there are; one that fails is told."""

import time

import pytest

from icsguard.evaluation.jobs import Clock, Job, work


def square(number, progress):
    progress(f"squaring {number}")
    return number * number


def fail(_progress):
    raise ValueError("no such plant")


def jobs():
    return [Job(f"job {number}", 1.0 + number, square, (number,)) for number in range(4)]


@pytest.mark.parametrize("workers", [1, 2])
def test_results_come_in_the_order_of_the_jobs(workers):
    said = []
    assert [0, 1, 4, 9] == work(jobs(), workers, said.append)
    assert "job 3 ..." == said[0]
    assert any(text.startswith("job 0: done (") for text in said)


def test_alone_a_job_tells_its_own_progress():
    said = []
    work(jobs()[:1], 2, said.append)
    assert "squaring 0" in said


@pytest.mark.parametrize("workers", [1, 2])
def test_a_job_that_fails_is_told_and_the_others_go_on(workers):
    bad, *rest = work([Job("bad", 9.0, fail, ()), *jobs()], workers, lambda _: None)
    assert [0, 1, 4, 9] == rest
    assert "bad" == bad.title
    assert bad.why.startswith("ValueError: no such plant (test_jobs.py:")


def test_the_time_left_follows_the_pace_so_far(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    said = []
    clock = Clock(400.0, 4, 2, said.append)
    assert 200.0 == clock.left_s(0.0)
    now[0] = 160.0
    clock.ended(Job("one", 100.0, square, ()))
    assert ["one: done (1 of 4, 60 s passed, about 3 min left)"] == said
