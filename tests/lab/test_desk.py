import asyncio

from icsguard.lab.desk import MAX_HURT_KEPT, Desk, Log
from icsguard.lab.wire import Fate, Reply


class Clerk(Desk[str]):
    """Writes down what it does."""

    def __init__(self):
        super().__init__(502, "127.0.0.2", seed=1, every_s=0.005)
        self.done = []
        self._moves.extend(["script 1", "script 2"])

    def hang_up(self):
        self.done.append("hung up")

    async def _look(self):
        self.done.append("looked")

    async def _do(self, move):
        self.done.append(move)

    async def _go_on(self):
        if self._moves:
            await self._do(self._moves.popleft())


async def test_what_is_asked_is_done_after_the_next_look_and_before_the_script():
    clerk = Clerk()
    task = asyncio.get_running_loop().create_task(clerk.run())
    await clerk.carry_out(["urgent 1", "urgent 2"])
    assert ["looked", "urgent 1", "urgent 2"] == clerk.done[:3]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert "hung up" == clerk.done[-1]
    assert "script 1" in clerk.done


async def test_it_looks_again_and_again():
    clerk = Clerk()
    task = asyncio.get_running_loop().create_task(clerk.run())
    for _ in range(3):
        await clerk.carry_out(["at once"])
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert 3 <= clerk.done.count("looked")
    assert ["script 1", "script 2"] == [one for one in clerk.done if one.startswith("script")]


def test_of_what_was_hurt_the_last_is_kept_and_all_is_counted():
    log = Log()
    for number in range(MAX_HURT_KEPT + 5):
        log.add(str(number), Reply(Fate.SILENT, b"", 1.0))
    assert (MAX_HURT_KEPT + 5, MAX_HURT_KEPT) == (log.hurt_count, len(log.hurt))
    assert 0.0 == log.p99_ms()


def test_a_refused_request_is_hurt_and_says_what_it_was():
    log = Log()
    log.add("dose", Reply(Fate.REFUSED, b"\x90\x03", 0.001))
    log.add("read", Reply(Fate.ANSWERED, b"\x03\x02\x00\x00", 0.002))
    assert list(log.hurt) == ["dose: refused with exception 03"]
    assert (log.requests, log.hurt_count, log.p99_ms()) == (2, 1, 2.0)
