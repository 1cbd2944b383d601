"""A conduit's listening socket: clients come in at a steady pace, one in each millisecond.

The loop's own server takes everyone who waits in one turn: a thousand clients at once would stop the traffic of the
others for a quarter of a second. Here those who are inside have their turns between two that come in, and so has
everything else that runs on this core. Where they are so many that a turn takes long, several come in after it: who is
inside never keeps the others out.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import Callable
from typing import Final

BACKLOG: Final = 4096
"""Connections that the kernel keeps until they are accepted: four seconds' worth. The kernel bounds it by its own
somaxconn; beyond, it drops the call and the client tries again after a second."""
PAUSE_S: Final = 0.001
"""Between two clients that come in: each costs about a quarter of a millisecond until it has its first answer, and the
loop's timers know no shorter pause. A thousand at once are inside after a second."""
CATCH_UP: Final = 2
"""Clients for each millisecond of a turn that took long: those inside have half of the processor then."""
MAX_AT_ONCE: Final = 128
"""Clients that come in within one turn: after a turn of 64 ms the pace is still kept."""
HURRY_S: Final = 1.0
"""No pause so soon after opening: everybody comes back then, and nobody is inside whom it could disturb."""
REST_S: Final = 0.1
"""Pause after the system had no descriptor or memory for another client; those who wait stay in the backlog."""
_SCARCE: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class Door:
    """One listening socket."""

    def __init__(
        self, sock: socket.socket, loop: asyncio.AbstractEventLoop, enter: Callable[[socket.socket], None]
    ) -> None:
        self._sock = sock
        self._loop = loop
        self._enter = enter
        self._pause: asyncio.TimerHandle | None = None
        self._opens_at = loop.time()
        self._hurry_until = self._opens_at + HURRY_S
        self._due = 1
        """How many may come in now: one, and CATCH_UP for each millisecond that the loop was late to open."""
        self.port: int = sock.getsockname()[1]
        """The port that is really open."""
        self._open()

    def _open(self) -> None:
        self._pause = None
        late_s = max(0.0, self._loop.time() - self._opens_at)
        self._due = min(1 + int(CATCH_UP * late_s / PAUSE_S), MAX_AT_ONCE)
        self._loop.add_reader(self._sock.fileno(), self._accept)
        if self._due > 1:  # the loop is busy: another turn until the reader is called would halve the pace
            self._accept()

    def _accept(self) -> None:
        due, self._due, is_idle = self._due, 1, True
        for _ in range(due):
            try:
                client, _address = self._sock.accept()
            except OSError as error:  # nobody waits, a client has left again, or nothing is left to take one with
                if error.errno in _SCARCE:
                    self._rest(REST_S)
                    return
                break
            client.settimeout(0)
            self._enter(client)
            is_idle = False
        if not is_idle and self._loop.time() > self._hurry_until:
            self._rest(PAUSE_S)

    def _rest(self, seconds: float) -> None:
        self._loop.remove_reader(self._sock.fileno())
        self._opens_at = self._loop.time() + seconds
        self._pause = self._loop.call_later(seconds, self._open)

    def close(self) -> None:
        """Take nobody any more; whoever still waits outside is turned away by the kernel."""
        if self._pause is not None:
            self._pause.cancel()
        with contextlib.suppress(OSError, ValueError):
            self._loop.remove_reader(self._sock.fileno())
        self._sock.close()


async def open_doors(
    host: str, port: int, loop: asyncio.AbstractEventLoop, enter: Callable[[socket.socket], None]
) -> tuple[Door, ...]:
    """Listen at every address that `host` stands for; `enter` gets each client's socket. Raises OSError."""
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    socks: list[socket.socket] = []
    try:
        for family, _kind, _protocol, _name, address in dict.fromkeys(found):
            socks.append(_listening(family, address))
    except OSError:
        for sock in socks:
            sock.close()
        raise
    return tuple(Door(sock, loop, enter) for sock in socks)


def _listening(family: int, address: tuple[object, ...]) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)  # 0.0.0.0 has a socket of its own
        sock.settimeout(0)
        sock.bind(address)
        sock.listen(BACKLOG)
    except OSError:
        sock.close()
        raise
    return sock
