"""The sessions of one device as the gateway's own security sees them: who may use which, on which connection.

A session outlives its channel (P4 §5.6.3), so it is kept by its AuthenticationToken in the conduit, not in a
connection. A request counts only on the connection on which its session was activated last.
"""

from __future__ import annotations

from typing import Final

from icsguard.core.clock import MS, SECOND
from icsguard.policy.nodes.identity import Identity
from icsguard.protocols.opcua.certificates import Certificate
from icsguard.protocols.opcua.codec import encoded
from icsguard.protocols.opcua.nodes import NODE_ID, NULL_NODE, NodeId

MAX_SESSIONS: Final = 256  # of one device, as in protocols.opcua.sessions; a further CreateSession is refused
MAX_TIMEOUT_MS: Final = 3_600_000  # a session that nobody uses is forgotten after an hour, whatever the device granted
MIN_TIMEOUT_MS: Final = 10_000


class Entry:
    """One session."""

    __slots__ = (
        "activating",
        "address",
        "certificate",
        "created",
        "creator",
        "device_nonce",
        "flow",
        "identity",
        "last_at",
        "mask",
        "mask_bytes",
        "name",
        "number",
        "our_nonce",
        "timeout_ns",
        "token",
        "uri",
    )

    def __init__(self, token: NodeId, number: int, *, address: str, uri: str, timeout_ms: float, now: int) -> None:
        self.token = token
        self.number = number
        """Stands for the token where others look."""
        self.address = address
        self.uri = uri
        self.name = ""
        self.certificate: Certificate | None = None
        """Of the client that created it; no other may activate it."""
        self.device_nonce = b""
        self.our_nonce = b""
        self.identity: Identity | None = None
        """Set by a good ActivateSession."""
        self.activating = 0
        """Number of the ActivateSession that is under way, 0 for none: a nonce is good for one only."""
        self.flow = 0
        """The connection on which it is active; 0 for none."""
        self.created = now
        self.creator = 0
        """The connection on which it was created."""
        self.last_at = now
        self.timeout_ns = int(max(MIN_TIMEOUT_MS, min(timeout_ms or MAX_TIMEOUT_MS, MAX_TIMEOUT_MS))) * MS

        self.mask = NodeId(0, "i", number)
        """What stands in for the token in mirrors and records."""
        self.mask_bytes = encoded(NODE_ID, self.mask)

    @property
    def is_attached(self) -> bool:
        """Say whether the connection lives on which it is active, or was created and is not active yet."""
        return bool(self.flow or (self.creator and self.identity is None))


def _used(entry: Entry) -> int:
    return entry.last_at


class Ledger:
    """All sessions of one device."""

    __slots__ = ("_entries", "_made")

    def __init__(self) -> None:
        self._entries: dict[NodeId, Entry] = {}
        self._made = 0

    def __len__(self) -> int:
        return len(self._entries)

    def of(self, token: NodeId) -> Entry | None:
        """Return a session by its token."""
        return self._entries.get(token)

    def all(self) -> list[Entry]:
        """Return all sessions."""
        return list(self._entries.values())

    def held_by(self, address: str) -> int:
        """Return how many sessions a client address has on connections that live."""
        return sum(entry.address == address and entry.is_attached for entry in self._entries.values())

    @property
    def is_full(self) -> bool:
        """Say whether no further session can be kept: all are on connections that live."""
        return len(self._entries) >= MAX_SESSIONS and all(entry.is_attached for entry in self._entries.values())

    def opened(self, token: NodeId, *, address: str, uri: str, timeout_ms: float, now: int) -> Entry | None:
        """Take a new session in; None where there is no room, its token is null, or in use: devices may not do that."""
        if self.is_full or token == NULL_NODE or token in self._entries:
            return None
        if len(self._entries) >= MAX_SESSIONS:
            detached = [one for one in self._entries.values() if not one.is_attached]
            del self._entries[min(detached, key=_used).token]
        self._made += 1
        entry = Entry(token, self._made, address=address, uri=uri, timeout_ms=timeout_ms, now=now)
        self._entries[token] = entry
        return entry

    def closed(self, token: NodeId) -> Entry | None:
        """Forget a session."""
        return self._entries.pop(token, None)

    def left(self, flow: int) -> None:
        """A connection ended: its sessions may be activated on another."""
        for entry in self._entries.values():
            if entry.flow == flow:
                entry.flow = 0
            if entry.creator == flow:
                entry.creator = 0

    def expire(self, now: int) -> list[Entry]:
        """Take out and return the sessions that nobody has used for longer than their timeout."""
        over = [entry for entry in self._entries.values() if entry.last_at + entry.timeout_ns + SECOND < now]
        for entry in over:
            del self._entries[entry.token]
        return over
