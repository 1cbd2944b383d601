import asyncio
import threading
from types import SimpleNamespace

import pytest

from icsguard.runtime import opcua_jobs
from icsguard.runtime.opcua_jobs import Jobs


@pytest.fixture
async def jobs():
    made = Jobs(asyncio.get_running_loop())
    yield made
    made.close()


async def result_of(jobs, run):
    got = asyncio.get_running_loop().create_future()
    jobs.start(SimpleNamespace(run=run), got.set_result)
    return await asyncio.wait_for(got, 5)


async def test_work_is_done_in_a_thread_and_its_result_comes_on_the_loop(jobs):
    here = threading.get_ident()
    assert here != await result_of(jobs, threading.get_ident)
    assert 0 == jobs.waiting


async def test_work_that_raises_has_no_result_and_others_go_on(jobs):
    assert None is await result_of(jobs, lambda: 1 // 0)
    assert 7 == await result_of(jobs, lambda: 7)


async def test_beyond_the_bound_nothing_is_taken(jobs, monkeypatch):
    monkeypatch.setattr(opcua_jobs, "MAX_WAITING", 1)
    gate, loop = threading.Event(), asyncio.get_running_loop()
    first, second = loop.create_future(), loop.create_future()
    jobs.start(SimpleNamespace(run=gate.wait), first.set_result)
    jobs.start(SimpleNamespace(run=lambda: 7), second.set_result)
    assert None is await asyncio.wait_for(second, 5)
    gate.set()
    assert await asyncio.wait_for(first, 5)
    assert 0 == jobs.waiting
