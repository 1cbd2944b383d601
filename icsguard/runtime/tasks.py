"""The one way to start a task: its reference is kept, it has a name, and its crash is logged.

A bare `create_task` keeps only a weak reference (the task may vanish) and hides the crash until garbage collection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from icsguard.runtime.log import get_logger

_LOG = get_logger("icsguard.tasks")
_RUNNING: set[asyncio.Task[Any]] = set()


def spawn(coro: Coroutine[Any, Any, object], name: str) -> asyncio.Task[Any]:
    """Start `coro` as a task called `name` on the running loop and return it."""
    task: asyncio.Task[Any] = asyncio.get_running_loop().create_task(coro, name=name)
    _RUNNING.add(task)
    task.add_done_callback(_ended)
    return task


def _ended(task: asyncio.Task[Any]) -> None:
    _RUNNING.discard(task)
    if task.cancelled():
        return
    error = task.exception()
    if error is not None:
        _LOG.error("task_crashed", task=task.get_name(), error=repr(error), exc_info=error)
