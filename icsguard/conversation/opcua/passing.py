"""The state of a connection that passes through, and what others may know of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from struct import Struct
from typing import Final

from icsguard.conversation.opcua.guard import UaGuard
from icsguard.conversation.opcua.relaying import Side
from icsguard.conversation.opcua.talk import Talk
from icsguard.conversation.states import ClientState, LinkState
from icsguard.core.clock import SECOND
from icsguard.core.flow import Client
from icsguard.policy.nodes.identity import Identity
from icsguard.protocols.opcua.certificates import Certificate
from icsguard.protocols.opcua.handshake import Limits
from icsguard.protocols.opcua.order import Order
from icsguard.protocols.opcua.order import Stage as Life
from icsguard.protocols.opcua.passthrough import Watch
from icsguard.protocols.opcua.security import SecurityMode
from icsguard.protocols.opcua.status import STATUS
from icsguard.protocols.opcua.uacp import Frame

_LONG: Final = Struct("<I")
_REQUEST_ID: Final = 20
_BODY: Final = 24
"""Offsets in a clear MSG chunk (P6 §6.7.2)."""
_LOST: Final = STATUS["BadCommunicationError"]
_REJECTED: Final = STATUS["BadSecurityPolicyRejected"]
MAX_HELD: Final = 262_144  # bytes of a client that wait; then it is not read, and at four times as many it is cut off
NAMES_REQUEST: Final = 0x70000001
"""RequestId of our own request for the namespaces."""


class Passing(Talk):
    """What is known of one connection that passes through."""

    def __init__(self, guard: UaGuard, client: Client, flow: int, now: int, draw: Callable[[int], bytes]) -> None:
        super().__init__(guard, client, flow, now, draw)
        limits = guard.nodes.limits
        self._small = Limits(limits.chunk, limits.session_message, limits.chunks)
        self._large = Limits(limits.chunk, limits.message, limits.chunks)
        self.watch = Watch(self._small, self._large)
        self.link = LinkState.DOWN
        self._order = Order()
        self._near = Side(self.to_client)
        """What leaves towards the client."""
        self._far = Side(self.to_device)
        """What leaves towards the device."""
        self._frames: deque[Frame] = deque()
        self._held = 0
        self._since_dialled = 0
        self._unfinished = 0
        self._judged_mode = False
        self._chains = (b"", b"")
        """Certificates of client and device as their OPN showed them; empty without security."""
        self._has_passed = False
        """The answer that is being looked at has gone to the client already."""
        self._latest = b""
        """The latest MSG chunk of the client: what we put in goes by its channel and token."""
        self._names_by = 0
        """Until when the answer to our request for the namespaces is waited for; 0: not at all."""
        self._names_request = b""

    # What others may know.

    @property
    def is_over(self) -> bool:
        """Say whether nothing is left to do."""
        return self.state is ClientState.GONE and self.link is LinkState.DOWN

    @property
    def device_is_up(self) -> bool:
        """Say whether the connection to the device stands."""
        return self.link is LinkState.UP

    @property
    def wants_client(self) -> bool:
        """Say whether the client should be read."""
        return self._held < MAX_HELD and not self._is_stalled

    @property
    def wants_device(self) -> bool:
        """Say whether the device should be read."""
        return True

    @property
    def inspected(self) -> bool:
        """Say whether contents are inspected."""
        return self.watch.is_readable

    @property
    def can_edit(self) -> bool:
        """Say whether requests and answers can be changed: only under policy None."""
        return self.watch.mode is SecurityMode.NONE

    @property
    def can_trim(self) -> bool:
        """Say whether wishes can be changed in place: never, chunks pass on as they came."""
        return False

    @property
    def security(self) -> str:
        """The security of the channel, for people."""
        mode = self.watch.mode
        text = f"{self.watch.policy.name} {mode.name if mode is not None else 'unknown'}"
        return text if self.inspected else f"{text}, contents not inspected"

    @property
    def identity(self) -> Identity | None:
        """Who is active on this connection; the first of several."""
        return next((entry.identity for entry in self.guard.ledger.all() if entry.flow == self.flow), None)

    @property
    def peer(self) -> Identity:
        """The client as its channel shows it."""
        shown = self.watch.client
        certificate = shown if isinstance(shown, Certificate) else None
        return Identity(
            self.client.address,
            certificate.uri if certificate is not None else "",
            certificate.pin if certificate is not None else "",
            "",
            self.watch.policy.uri,
            int(self.watch.mode or SecurityMode.SIGN),
        )

    @property
    def _is_stalled(self) -> bool:
        """Say whether a request that may not be overtaken waits: nothing can be renumbered under Sign."""
        return bool(self._names_by) or (not self.can_edit and bool(self.traffic.waiting))

    def _is_calm(self) -> bool:
        return (
            self.state is ClientState.OPEN
            and self.link is LinkState.UP
            and self.can_edit
            and self._order.stage is Life.OPEN
            and not (self._frames or self._names_by or self._far.is_amid or self._near.is_amid)
        )

    def _next_due(self) -> int:
        """Return when the next thing is due; 0 for nothing."""
        due = [*self.traffic.next_timer(), self.handshake_until, self._names_by]
        if self.state is ClientState.OPEN:
            if self._unfinished:
                due.append(self._unfinished + self.guard.options.incomplete_timeout_s * SECOND)
            if self.guard.conduit.idle_timeout_s and not self.in_flight:
                due.append(self.last_at + self.guard.conduit.idle_timeout_s * SECOND)
        if self.is_unsaid:
            return self.since
        return min((moment for moment in due if moment), default=0)
