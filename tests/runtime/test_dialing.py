import asyncio
import socket
import time

import pytest

from icsguard.runtime.dialing import dial
from icsguard.runtime.tasks import spawn


class End(asyncio.Protocol):
    transport = None

    def connection_made(self, transport):
        self.transport = transport


@pytest.fixture
def answering():
    """A port whose calls the kernel takes, whatever the loop does."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def silent():
    """A port whose queue is full: a call to it stays without answer."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server:
        waiting = [socket.socket() for _ in range(3)]
        for one in waiting:
            one.settimeout(0)
            one.connect_ex(server.getsockname())
        yield server.getsockname()[1]
        for one in waiting:
            one.close()


async def test_a_call_that_was_answered_counts_although_nobody_looked_in_time(answering):
    end = End()
    asyncio.get_running_loop().call_soon(time.sleep, 0.2)
    await dial(lambda: end, "127.0.0.1", answering, 50)
    assert end.transport is not None
    end.transport.abort()


async def test_a_call_without_answer_ends_in_time(silent):
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        await dial(End, "127.0.0.1", silent, 100)
    assert 0.1 <= time.monotonic() - began < 5


async def test_a_refused_call_says_so():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(ConnectionRefusedError):
        await dial(End, "127.0.0.1", port, 1000)


async def test_who_gives_up_leaves_no_call_behind(silent):
    call = spawn(dial(End, "127.0.0.1", silent, 10_000), "call")
    await asyncio.sleep(0.05)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert {asyncio.current_task()} == {task for task in asyncio.all_tasks() if not task.done()}
