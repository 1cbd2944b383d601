"""One OPC UA connection as shell and operators see it, whichever way it goes: states, jobs out and back, commands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from icsguard.conversation.api import Ask, CloseClient, CloseLink, OpenLink, ToClient, ToDevice
from icsguard.conversation.opcua import ending
from icsguard.conversation.opcua.api import Command, Job, Work
from icsguard.conversation.opcua.guard import UaGuard
from icsguard.conversation.opcua.traffic import Traffic
from icsguard.conversation.states import CLIENT_MOVES, ClientState, moved
from icsguard.core.clock import SECOND
from icsguard.core.defect import Defect
from icsguard.core.flow import Client
from icsguard.core.isolation import Scope
from icsguard.core.transaction import Opinion
from icsguard.protocols.opcua.handshake import error
from icsguard.protocols.opcua.status import STATUS

MAX_JOBS: Final = 8  # RSA jobs of one connection at a time; each peer can have only a few under way by the protocol
_ISOLATED: Final = STATUS["BadTcpServerTooBusy"]


class Talk:
    """One client connection with its way to the device. `is_over` says when the shell may forget it."""

    def __init__(self, guard: UaGuard, client: Client, flow: int, now: int, draw: Callable[[int], bytes]) -> None:
        self.guard = guard
        self.client = client
        self.flow = flow
        self.draw = draw
        self.state = ClientState.OPEN
        self.since = now
        self.last_at = now
        """When the client was last heard."""
        self.commands: list[Command] = []
        self.traffic = self._traffic()
        self._jobs: dict[int, Callable[[object, int], None]] = {}
        self._made = 0
        self._told_to_close = False
        self.due = now
        """When the timer must be called at the latest; 0 for never."""
        self._calm = False
        """Nothing is unfinished or under way that a single chunk of a message could disturb."""
        self._counts_as_half_open = True
        self.is_one_too_many = not guard.half_opened(client.address)
        """Too many connections without an open channel: it ends at once."""
        guard.opened(self)

    def _traffic(self) -> Traffic:
        raise NotImplementedError

    # What others may know.

    @property
    def requests(self) -> int:
        """How many requests it has sent."""
        return self.traffic.requests

    @property
    def writes(self) -> int:
        """How many of its requests might have changed the plant."""
        return self.traffic.writes

    @property
    def refused(self) -> int:
        """How many of its requests were refused or held."""
        return self.traffic.refused

    @property
    def in_flight(self) -> int:
        """How many requests are not answered yet."""
        return self.traffic.in_flight

    def asks(self, number: int) -> bool:
        """Say whether an opinion on that transaction is still of use."""
        return number in self.traffic.asked

    # Jobs.

    def start(self, work: Work, then: Callable[[object, int], None], now: int) -> None:
        """Have work done in a thread."""
        if len(self._jobs) >= MAX_JOBS:
            then(None, now)
            return
        self._made += 1
        self._jobs[self._made] = then
        self.commands.append(Job(self._made, work))

    def job_done(self, id_: int, result: object, now: int) -> list[Command]:
        """Take the result of a job."""
        then = self._jobs.pop(id_, None)
        if then is not None and self.state is not ClientState.GONE:
            then(result, now)
            self.go_on(now)
        return self.done(now)

    # Time.

    def next_timer(self) -> int:
        """Return the `now` at which `timer` must be called at the latest; 0 for never."""
        return self.due

    def due_by(self, moment: int) -> None:
        """Something more is due: the timer may not come later."""
        if not self.due or moment < self.due:
            self.due = moment

    # The shadow.

    def ask(self, command: Ask) -> None:
        """Ask the shadow."""
        self.commands.append(command)

    def opinion(self, opinion: Opinion, now: int) -> list[Command]:
        """Take the shadow's answer."""
        self.traffic.opinion(opinion, now)
        self.go_on(now)
        return self.done(now)

    def opinion_missing(self, why: str, now: int) -> list[Command]:
        """The shadow is gone: nothing waits for it any longer."""
        self.traffic.without_opinion(why, now)
        self.go_on(now)
        return self.done(now)

    # The client's end.

    def client_eof(self, now: int) -> list[Command]:
        """The client will send no more; OPC UA has no half-closed connections that are of use."""
        if self.state is ClientState.OPEN:
            self.close(now)
        return self.done(now)

    def drain(self, now: int) -> list[Command]:
        """Take nothing new, then close."""
        if self.state is ClientState.OPEN:
            self.cut(Defect("shutdown", "icsguard is being stopped", fatal=True, reply=STATUS["BadServerHalted"]), now)
        return self.done(now)

    def to_client(self, data: bytes) -> None:
        """Write to the client, while there is one."""
        if self.state is ClientState.OPEN:
            self.commands.append(ToClient(data))

    def to_device(self, data: bytes) -> None:
        """Write to the device."""
        self.commands.append(ToDevice(data))

    def dial(self) -> None:
        """Make a new connection to the device."""
        self.commands.append(OpenLink())

    def hang_up(self) -> None:
        """Close the connection to the device."""
        self.commands.append(CloseLink())

    def cut(self, why: Defect, now: int, *, record: str = "", quiet: bool = False) -> None:
        """End the connection with an ERR that names an event and nothing more."""
        if self.state is not ClientState.OPEN:
            return
        if not quiet and not record:
            record = ending.client_fault(self.guard, self.client, self.flow, why, now)
        self.commands.append(ToClient(error(why.reply or STATUS["BadSecurityChecksFailed"], f"icsguard {record}")))
        self.close(now)

    def close(self, now: int) -> None:
        """End the connection."""
        del now
        if self.state is ClientState.OPEN:
            self.state = moved(CLIENT_MOVES, self.state, ClientState.CLOSING)

    def is_isolated(self, now: int) -> bool:
        """Cut a client that is isolated fully."""
        if self.guard.quarantine.scope_for(self.client.address, now) is not Scope.FULL:
            return False
        self.cut(Defect("isolated", "the client is isolated", fatal=True, reply=_ISOLATED), now, record="isolated")
        return True

    def greeted(self) -> None:
        """Its channel is open."""
        if self._counts_as_half_open:
            self._counts_as_half_open = False
            self.guard.not_half_open(self.client.address)

    @property
    def handshake_until(self) -> int:
        """The `now` by which the channel must be open; 0 once it is."""
        return self.since + self.guard.options.handshake_timeout_s * SECOND if self._counts_as_half_open else 0

    @property
    def is_unsaid(self) -> bool:
        """Say whether the connection ends and nobody was told yet."""
        return self.state is ClientState.CLOSING and not self._told_to_close

    def finish(self) -> None:
        """Close the client's side where it ends."""
        if self.state is ClientState.CLOSING and not self._told_to_close:
            self._told_to_close = True
            self.commands.append(CloseClient("finished"))

    def leave(self, now: int) -> None:
        """The connection is over for the conduit."""
        del now
        self.greeted()
        self.guard.ledger.left(self.flow)
        self.guard.closed(self)

    def go_on(self, now: int) -> None:
        """Go on after a job or an opinion: bytes may have waited for it."""
        raise NotImplementedError

    def done(self, now: int) -> list[Command]:
        """Hand out the commands of this event."""
        raise NotImplementedError
