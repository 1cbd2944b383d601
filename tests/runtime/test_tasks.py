import asyncio

from structlog.testing import capture_logs

from icsguard.runtime import tasks


async def test_a_task_has_its_name_and_is_kept_until_it_ends():
    gate = asyncio.Event()
    task = tasks.spawn(gate.wait(), "waiter")
    assert "waiter" == task.get_name()
    assert task in tasks._RUNNING
    gate.set()
    await task
    await asyncio.sleep(0)
    assert task not in tasks._RUNNING


async def test_a_crash_is_logged_with_the_tasks_name():
    async def crash():
        raise RuntimeError("boom")

    with capture_logs() as logs:
        task = tasks.spawn(crash(), "crasher")
        await asyncio.wait([task])
        await asyncio.sleep(0)
    assert [("task_crashed", "crasher")] == [(entry["event"], entry["task"]) for entry in logs]


async def test_a_cancelled_task_is_no_crash():
    with capture_logs() as logs:
        task = tasks.spawn(asyncio.sleep(60), "sleeper")
        task.cancel()
        await asyncio.wait([task])
        await asyncio.sleep(0)
    assert [] == logs
