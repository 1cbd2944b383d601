"""Calling a device: one connection attempt with its time limit, fair also to a gateway that had no processor meanwhile.

A loop that was starved or stopped runs its timers before it looks at its sockets. A call that was answered in time must
not count as unanswered only because nobody looked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

LOOKS: Final = 10
"""Turns of the loop in which a call may still complete once its time is over: each looks at the sockets, none waits."""


async def dial(factory: Callable[[], asyncio.BaseProtocol], host: str, port: int, timeout_ms: int) -> None:
    """Connect within `timeout_ms`. Raises TimeoutError, or OSError where the device refuses."""
    loop = asyncio.get_running_loop()
    call = loop.create_task(loop.create_connection(factory, host, port))
    try:
        await asyncio.wait({call}, timeout=timeout_ms / 1000)
        for _ in range(LOOKS):
            if call.done():
                break
            await asyncio.sleep(0)
        if not call.done():
            raise TimeoutError
        call.result()
    finally:
        call.cancel()
