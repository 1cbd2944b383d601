"""Shadow and recorder as the gateway sees them: who is there, since when, and what they say of themselves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Final

from icsguard.control import links
from icsguard.control.replies import PartStatus
from icsguard.core.live import PointState
from icsguard.core.sandbox import Option, Sandbox
from icsguard.runtime.clock import Clock
from icsguard.runtime.link import Link, LinkServer
from icsguard.runtime.log import get_logger
from icsguard.runtime.mirror import Peer

POINTS_WAIT_S: Final = 1.0
"""How long an operator's question about points may take the shadow."""
MAX_POINT_QUESTIONS: Final = 16
"""Such questions under way at a time; the next one is told that the shadow does not answer."""

_LOG: Final = get_logger("icsguard.parts")


class Part:
    """One process beside the gateway: its socket, and the link that is in use."""

    def __init__(self, role: str, path: Path, peer: Peer, clock: Clock, hear: Callable[[links.Message], None]) -> None:
        self.role = role
        self.peer = peer
        self.facts: dict[str, str | int | float] = {}
        self.pid = 0
        self.since = 0
        """When it came or went last."""
        self.model_digest = ""
        self.on_change: Callable[[str], None] = _nothing
        self.configure: Callable[[], links.Configure] | None = None
        self._clock = clock
        self._hear = hear
        self._server = LinkServer(path, self._message, on_down=self._down)

    @property
    def is_up(self) -> bool:
        """Say whether it is connected and introduced itself."""
        return self.peer.link is not None and self.peer.link.is_up

    async def start(self) -> None:
        """Open its socket. Raises OSError."""
        await self._server.start()

    async def stop(self) -> None:
        """Close it."""
        await self._server.stop()

    def send_configuration(self) -> None:
        """Tell it the settings in force."""
        if self.peer.link is not None and self.configure is not None:
            self.peer.link.send(self.configure())

    def status(self) -> PartStatus:
        """Return it as one line of `status`."""
        return PartStatus(
            role=self.role,
            state="up" if self.is_up else "down",
            since=self.since,
            pid=self.pid,
            lost=self.peer.lost_total,
            facts=self.facts if self.is_up else {},
        )

    def _message(self, link: Link, message: links.Message) -> None:
        if isinstance(message, links.Hello):
            self._hello(link, message)
        elif link is self.peer.link:
            if isinstance(message, links.Status):
                self.facts = message.facts
                self.model_digest = str(message.facts.get("model_digest", self.model_digest))
            else:
                self._hear(message)

    def _hello(self, link: Link, hello: links.Hello) -> None:
        """Take the newest to introduce itself: after a crash the old link may linger."""
        if hello.role != self.role:
            _LOG.error("wrong_role", expected=self.role, got=hello.role)
            link.close()
            return
        old, self.peer.link = self.peer.link, link
        if old is not None and old is not link:
            old.close()
        self.pid, self.since, self.model_digest = hello.pid, self._clock.now(), hello.model_digest
        self.send_configuration()
        self.on_change("up")

    def _down(self, link: Link) -> None:
        if link is self.peer.link:
            self.peer.link = None
            self.since = self._clock.now()
            self.on_change("down")


def _nothing(_state: str) -> None:
    """Do nothing: the default until the gateway listens."""


class Questions:
    """Operators' questions that the shadow has not answered yet."""

    def __init__(self) -> None:
        self._waiting: dict[int, asyncio.Future[links.PointsReply | links.TryReply]] = {}
        self._number = 0

    async def ask(self, link: Link | None, conduit: str) -> tuple[PointState, ...] | None:
        """Return the points as the shadow knows them; None where it does not answer in time."""
        reply = await self._ask(link, lambda number: links.PointsRequest(number, conduit))
        return reply.points if isinstance(reply, links.PointsReply) else None

    async def try_out(self, link: Link | None, conduit: str, options: tuple[Option, ...]) -> Sandbox | None:
        """Return what would come of alternatives; None where the shadow does not answer in time."""
        reply = await self._ask(link, lambda number: links.TryRequest(number, conduit, options))
        return reply.result if isinstance(reply, links.TryReply) else None

    def answered(self, reply: links.PointsReply | links.TryReply) -> None:
        """Bring an answer to whoever asked."""
        waiting = self._waiting.get(reply.number)
        if waiting is not None and not waiting.done():
            waiting.set_result(reply)

    async def _ask(
        self, link: Link | None, make: Callable[[int], links.Message]
    ) -> links.PointsReply | links.TryReply | None:
        if link is None or len(self._waiting) >= MAX_POINT_QUESTIONS:
            return None
        self._number += 1
        number = self._number
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        try:
            if not link.send(make(number)):
                return None
            return await asyncio.wait_for(answer, POINTS_WAIT_S)
        except TimeoutError:
            return None
        finally:
            self._waiting.pop(number, None)
