"""Whose turn it is on links that many clients share: round robin by client address, then by its connections.

A client with twenty connections or a thousand waiting requests gets no more turns than one with a single request. Only
who waits is kept here; the requests themselves stay with their sessions, whose bounds hold for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from icsguard.conversation.pooled import PooledSession


class Ring:
    """Sessions that wait for a turn. Bounded by the conduit's `max_clients`: each is in it once."""

    __slots__ = ("_by_address", "count")

    def __init__(self) -> None:
        self._by_address: dict[str, dict[int, PooledSession]] = {}
        self.count = 0
        """How many wait; the same as `len`, for those who look at every frame."""

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[PooledSession]:
        """Go through all that wait, in no promised order."""
        for sessions in self._by_address.values():
            yield from sessions.values()

    def join(self, session: PooledSession) -> None:
        """Wait for a turn, behind those who wait already; who waits keeps its place."""
        sessions = self._by_address.setdefault(session.client.address, {})
        if session.flow not in sessions:
            sessions[session.flow] = session
            self.count += 1

    def leave(self, session: PooledSession) -> None:
        """Wait no longer."""
        sessions = self._by_address.get(session.client.address)
        if sessions is not None and sessions.pop(session.flow, None) is not None:
            self.count -= 1
            if not sessions:
                del self._by_address[session.client.address]

    def take(self) -> PooledSession:
        """Take out whose turn it is; its address goes to the end of the queue. Raises KeyError where nobody waits."""
        address = next(iter(self._by_address), None)
        if address is None:
            raise KeyError("nobody waits")
        sessions = self._by_address.pop(address)
        flow, session = next(iter(sessions.items()))
        del sessions[flow]
        self.count -= 1
        if sessions:
            self._by_address[address] = sessions
        return session
