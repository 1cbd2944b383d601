"""The hot path's sockets, where the compiled core is installed: known reads pass without the event loop's own cost.

The loop's transports open, close and queue as ever; an end that is attached here is read and written by `_wire.c`
directly, and what is no known read goes to the same methods as without it. Without the extension nothing is attached:
modbus_shell does the same by itself, which is the reference.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from icsguard.runtime import _wire

Passes = Callable[[bytes, int], bool]


class Note(Protocol):
    """What is to be done after a turn in which answers passed."""

    def __call__(self) -> None:
        """Do it."""


class Wire:
    """One set of attached sockets on a loop."""

    def __init__(self, kind: type[_wire.Wire], loop: asyncio.AbstractEventLoop, anchor: int, after: Note) -> None:
        self._set = kind(anchor, after)
        self._loop = loop
        loop.add_reader(self._set.fileno(), self._set.turn)

    def attach(
        self, transport: asyncio.Transport, passes: Passes, received: Callable[[bytes], None], *, answers: bool
    ) -> _wire.End | None:
        """Take over a transport's socket, None where it has none; `answers`: note what passes."""
        sock = transport.get_extra_info("socket")
        if sock is None or transport.is_closing():
            return None
        return self._set.attach(sock.fileno(), transport, passes, received, answers)

    def close(self) -> None:
        """Watch nothing any more."""
        self._loop.remove_reader(self._set.fileno())
        self._set.close()


def open_wire(loop: asyncio.AbstractEventLoop, anchor: int, after: Note) -> Wire | None:
    """Return a wire; None where the extension is not installed."""
    try:
        from icsguard.runtime import _wire  # noqa: PLC0415 - optional: part of the compiled core
    except ImportError:
        return None
    return Wire(_wire.Wire, loop, anchor, after)
