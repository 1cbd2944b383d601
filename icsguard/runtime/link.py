"""The links between gateway, shadow and recorder: AF_UNIX streams, bounded, shedding rather than waiting.

`control.links` says what is said; this module carries it. The gateway is the server of both sockets. A peer that does
not read is not waited for: when MAX_OUT_BYTES are queued, `send` returns False and the caller counts what it shed.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final, cast

import msgspec

from icsguard.control import links
from icsguard.runtime.log import get_logger
from icsguard.runtime.tasks import spawn

MAX_OUT_BYTES: Final = 8 * 1024 * 1024
"""Bytes queued towards one peer: two of the largest messages, or two seconds of mirrored full load. Then: shed."""
RECONNECT_S: Final = 0.2
"""A restarted gateway is found again within this time."""
MAX_PEERS: Final = 4
"""Connections on one link socket: one peer, its successor during a restart, and a spare. Beyond: closed at once."""

_LOG = get_logger("icsguard.link")


class Link(asyncio.Protocol):
    """One end of one connection. Calls `on_message(link, message)`, `on_up(link)` and `on_down(link)`."""

    def __init__(
        self,
        on_message: Callable[[Link, links.Message], None],
        on_up: Callable[[Link], None],
        on_down: Callable[[Link], None],
    ) -> None:
        self._on_message = on_message
        self._on_up = on_up
        self._on_down = on_down
        self._splitter = links.FrameSplitter()
        self._transport: asyncio.Transport | None = None
        self._fd = -1
        self.shed = 0
        """Messages that were not sent because the peer did not read."""

    @property
    def is_up(self) -> bool:
        """Say whether the connection stands."""
        return self._transport is not None and not self._transport.is_closing()

    def send(self, message: links.Message) -> bool:
        """Queue `message`; False where the link is down or full (then it is shed and counted). Never waits."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return False
        queued = transport.get_write_buffer_size()
        if queued > MAX_OUT_BYTES:
            self.shed += 1
            return False
        if isinstance(message, links.Ask) and not queued:
            self._send_now(transport, links.encode(message))
        elif isinstance(message, links.Configure):
            transport.writelines(links.parts(message))
        else:
            transport.write(links.encode(message))
        return True

    def _send_now(self, transport: asyncio.Transport, data: bytes) -> None:
        """Send without waiting for the end of the loop's turn: a client waits meanwhile. The rest is queued."""
        try:
            sent = os.write(self._fd, data)
        except OSError:  # full, or broken: the transport finds out
            sent = 0
        if sent < len(data):
            transport.write(data[sent:])

    def close(self) -> None:
        """End the connection after what is queued was sent."""
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection into use."""
        self._transport = cast("asyncio.Transport", transport)
        self._fd = self._transport.get_extra_info("socket").fileno()
        self._on_up(self)

    def data_received(self, data: bytes) -> None:
        """Hand each complete message on; a stream that breaks our own law is a bug or a stranger: closed, logged."""
        try:
            bodies = self._splitter.feed(data)
            messages = [links.decode(body) for body in bodies]
        except (ValueError, msgspec.MsgspecError) as error:
            _LOG.error("link_broken", error=str(error))
            self.close()
            return
        for message in messages:
            self._on_message(self, message)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the owner."""
        del exc
        if self._transport is not None:
            self._transport = None
            self._on_down(self)


def _nothing(_link: Link) -> None:
    """Do nothing: the default of both connection callbacks."""


class LinkServer:
    """The gateway's end: listens at `path` (mode 0660), keeps the live links in `peers`."""

    def __init__(
        self,
        path: Path,
        on_message: Callable[[Link, links.Message], None],
        *,
        on_up: Callable[[Link], None] = _nothing,
        on_down: Callable[[Link], None] = _nothing,
    ) -> None:
        self.path = path
        self.peers: list[Link] = []
        self._on_message = on_message
        self._on_up = on_up
        self._on_down = on_down
        self._server: asyncio.AbstractServer | None = None

    async def start(self) -> None:
        """Listen. Raises OSError where the path cannot be bound."""
        remove_stale_socket(self.path)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_unix_server(
            lambda: Link(self._on_message, self._arrived, self._left),
            str(self.path),
        )
        self.path.chmod(0o660)

    async def stop(self) -> None:
        """Close all links and the socket."""
        for peer in list(self.peers):
            peer.close()
        if self._server is None:
            return
        self._server.close()
        self._server = None
        await asyncio.sleep(0)  # let the closing transports finish their last write
        with contextlib.suppress(OSError):
            self.path.unlink()

    def _arrived(self, link: Link) -> None:
        if len(self.peers) >= MAX_PEERS:
            link.close()
            return
        self.peers.append(link)
        self._on_up(link)

    def _left(self, link: Link) -> None:
        if link in self.peers:
            self.peers.remove(link)
            self._on_down(link)


class LinkClient:
    """The shadow's or recorder's end: connects to `path` and reconnects for ever, RECONNECT_S apart."""

    def __init__(
        self,
        path: Path,
        on_message: Callable[[Link, links.Message], None],
        *,
        on_up: Callable[[Link], None] = _nothing,
        on_down: Callable[[Link], None] = _nothing,
    ) -> None:
        self.path = path
        self.link: Link | None = None
        self._on_message = on_message
        self._on_up = on_up
        self._on_down = on_down
        self._lost = asyncio.Event()
        self._task: asyncio.Task[object] | None = None

    def start(self) -> None:
        """Begin connecting (on the running loop)."""
        self._task = spawn(self._keep_connected(), f"link:{self.path.name}")

    async def stop(self) -> None:
        """Close the link and connect no more."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        if self.link is not None:
            self.link.close()
            await asyncio.sleep(0)

    def send(self, message: links.Message) -> bool:
        """Send on the live link; False where there is none or it is full."""
        return self.link is not None and self.link.send(message)

    async def _keep_connected(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            self._lost.clear()
            try:
                await loop.create_unix_connection(
                    lambda: Link(self._on_message, self._arrived, self._left),
                    str(self.path),
                )
            except OSError:
                await asyncio.sleep(RECONNECT_S)
                continue
            await self._lost.wait()
            await asyncio.sleep(RECONNECT_S)

    def _arrived(self, link: Link) -> None:
        self.link = link
        self._on_up(link)

    def _left(self, link: Link) -> None:
        if self.link is link:
            self.link = None
        self._on_down(link)
        self._lost.set()


def remove_stale_socket(path: Path) -> None:
    """Make way for a socket at `path`: its folder is made, a socket left by a dead process removed.

    Raises FileExistsError where something else than a socket lies there, or a living process listens.
    """
    path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
    try:
        mode = os.stat(path, follow_symlinks=False).st_mode  # noqa: PTH116 - Path.stat differs by one flag only
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise FileExistsError(f"{path} exists and is no socket; move it away")
    if _somebody_listens(path):
        raise FileExistsError(f"another gateway listens at {path}; stop it first, or set another run folder")
    path.unlink()


def _somebody_listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as probe:
        probe.settimeout(0)
        try:
            probe.connect(str(path))
        except BlockingIOError:
            return True  # its queue is full: it is busy, not dead
        except OSError:
            return False
    return True
