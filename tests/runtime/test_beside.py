import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from icsguard.runtime.beside import run_beside
from icsguard.runtime.tasks import spawn


def python(text):
    return [sys.executable, "-c", text]


async def test_output_and_status_are_told():
    ended = await run_beside(python("import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"), 20)
    assert (3, b"out\n", b"err\n") == ended


async def test_a_program_reads_nothing():
    ended = await run_beside(python("import sys; print(repr(sys.stdin.read()))"), 20)
    assert (0, b"''\n", b"") == ended


async def test_long_output_arrives_whole():
    size = 3_000_017
    ended = await run_beside(python(f"print('x' * {size})"), 20)
    assert size + 1 == len(ended.out)


async def test_a_program_that_is_killed_ends_with_its_signal():
    ended = await run_beside(python("import os; os.kill(os.getpid(), 9)"), 20)
    assert -signal.SIGKILL == ended.status


async def test_a_program_that_takes_too_long_is_killed_and_nothing_is_left_of_it(tmp_path):
    noted = tmp_path / "pid"
    script = f"import os, pathlib, time; pathlib.Path({str(noted)!r}).write_text(str(os.getpid())); time.sleep(60)"
    with pytest.raises(TimeoutError):
        await run_beside(python(script), 1.0)
    with pytest.raises(ChildProcessError):
        os.waitpid(int(noted.read_text()), os.WNOHANG)  # noqa: ASYNC222 - it does not wait


async def test_a_program_that_is_not_there_is_an_error():
    with pytest.raises(FileNotFoundError):
        await run_beside(["/no/such/program"], 20)


async def test_no_descriptor_is_left_open():
    def count():
        return len(list(Path("/proc/self/fd").iterdir()))

    await run_beside(python("pass"), 20)
    before = count()
    for _ in range(3):
        await run_beside(python("pass"), 20)
    assert before == count()


async def test_a_program_knows_none_of_our_descriptors(tmp_path):
    with (tmp_path / "secret").open("w") as file:
        script = "import os; print([os.readlink(f'/proc/self/fd/{n}') for n in os.listdir('/proc/self/fd') if n > '2'])"
        ended = await run_beside(python(f"try:\n {script}\nexcept OSError: print('gone')"), 20)
    assert file.name.encode() not in bytes(ended.out)


async def test_the_environment_is_ours(monkeypatch):
    monkeypatch.setenv("ICSGUARD_TEST_WORD", "grüß")
    ended = await run_beside(python("import os; print(ascii(os.environ['ICSGUARD_TEST_WORD']))"), 20)
    assert ascii("grüß").encode() == bytes(ended.out).strip()


async def test_the_loop_goes_on_meanwhile():
    turns = 0

    async def others():
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0.01)

    counting = spawn(others(), "others")
    await run_beside(python("import time; time.sleep(0.3)"), 20)
    counting.cancel()
    assert turns >= 10
