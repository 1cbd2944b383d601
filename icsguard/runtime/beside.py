"""A program run beside the gateway's loop: its start, its end and its output cost the loop next to nothing.

`fork` copies the page tables of a process of 40 MB and holds the loop for some milliseconds. `posix_spawn` copies
nothing, but its caller stands still until the program is loaded; so a thread calls it, without Python's lock. The
kernel tells the program's end on a descriptor, and the output goes to memory, not through pipes that need a reader.
"""

from __future__ import annotations

import asyncio
import mmap
import os
import signal
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    import ctypes

MAX_OUTPUT: Final = 256 * 1024 * 1024
"""Bytes that are read of what a program wrote: far above the largest configuration; the rest is cut off."""
_ACTIONS_SIZE: Final = 256
"""Room for a `posix_spawn_file_actions_t`: 80 bytes in glibc, 8 in musl."""


class Ended(NamedTuple):
    """How a program ended and what it wrote."""

    status: int
    """Exit status; negative: the signal that killed it."""
    out: memoryview
    err: memoryview


async def run_beside(command: Sequence[str], seconds: float) -> Ended:
    """Run a program to its end. Raises OSError where it cannot be started, TimeoutError after so many seconds."""
    out, err = os.memfd_create("out"), os.memfd_create("err")
    try:
        program = Program(command, out, err)
        number = await asyncio.get_running_loop().run_in_executor(None, program.load)
        status = await _end_of(program.loaded(number), seconds)
        return Ended(status, _written(out), _written(err))
    finally:
        os.close(out)
        os.close(err)


async def _end_of(pid: int, seconds: float) -> int:
    """Return the exit status; a program that takes too long, or that nobody waits for any more, is killed."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[None] = loop.create_future()
    descriptor = os.pidfd_open(pid)
    loop.add_reader(descriptor, _tell, ended)
    try:
        await asyncio.wait_for(ended, seconds)
    except BaseException:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)  # noqa: ASYNC222 - it was killed
        raise
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])  # noqa: ASYNC222 - it has ended


def _tell(ended: asyncio.Future[None]) -> None:
    if not ended.done():
        ended.set_result(None)


def _written(descriptor: int) -> memoryview:
    """Return what was written, where it lies: copying some megabytes would hold the loop."""
    size = min(os.fstat(descriptor).st_size, MAX_OUTPUT)
    return memoryview(mmap.mmap(descriptor, size)).toreadonly() if size else memoryview(b"")


class Program:
    """A program that is ready to be started once, with these outputs and no input. Raises OSError."""

    def __init__(self, command: Sequence[str], out: int, err: int) -> None:
        import ctypes  # noqa: PLC0415 - see prepare

        self._library = ctypes.CDLL(None)
        self._path = os.fsencode(command[0])
        self._arguments = _strings([os.fsencode(word) for word in command])
        self._environment = _strings([name + b"=" + value for name, value in os.environb.items()])
        self._actions = ctypes.create_string_buffer(_ACTIONS_SIZE)
        self._pid = ctypes.c_int()
        self._pointer = ctypes.byref(self._pid)
        library, actions = self._library, self._actions
        _checked(library.posix_spawn_file_actions_init(actions))
        _checked(library.posix_spawn_file_actions_addopen(actions, 0, b"/dev/null", os.O_RDONLY, 0))
        _checked(library.posix_spawn_file_actions_adddup2(actions, out, 1))
        _checked(library.posix_spawn_file_actions_adddup2(actions, err, 2))

    def load(self) -> int:
        """Start it; return the number of what went wrong, 0 for nothing.

        For a thread: this one stands still until the program is loaded, without Python's lock.
        """
        actions = self._actions
        number: int = self._library.posix_spawn(
            self._pointer, self._path, actions, None, self._arguments, self._environment
        )
        return number

    def loaded(self, number: int) -> int:
        """Return its process id, told what `load` returned. Raises OSError."""
        self._library.posix_spawn_file_actions_destroy(self._actions)
        _checked(number, os.fsdecode(self._path))
        return self._pid.value


def prepare() -> None:
    """Load what `Program` needs, for a thread: neither a start nor a first use shall wait these milliseconds."""
    import ctypes  # noqa: PLC0415

    ctypes.CDLL(None)


def _strings(words: Sequence[bytes]) -> ctypes.Array[ctypes.c_char_p]:
    import ctypes  # noqa: PLC0415

    return (ctypes.c_char_p * (len(words) + 1))(*words, None)


def _checked(number: int, what: str = "") -> None:
    """Raise the error that a call returned, if it returned one."""
    if number:
        raise OSError(number, os.strerror(number), what or None)
