"""A conduit's listener: takes clients in up to its bounds, keeps their time, and passes questions to the shadow.

`deadlines` keeps the time of all its sessions.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from icsguard.config.settings import Conduit
from icsguard.control import links
from icsguard.conversation.api import Ask, Talk
from icsguard.conversation.folding import FoldKey
from icsguard.conversation.guard import Guard
from icsguard.conversation.pool import Pool
from icsguard.conversation.pooled import PooledSession
from icsguard.conversation.session import Session
from icsguard.core.decision import Decision
from icsguard.core.finding import Finding
from icsguard.core.flow import Client
from icsguard.core.isolation import Scope
from icsguard.core.record import RecordKind, Severity
from icsguard.core.transaction import Opinion
from icsguard.policy.decide import Judge
from icsguard.runtime.clock import Clock
from icsguard.runtime.deadlines import Deadlines
from icsguard.runtime.door import Door, open_doors
from icsguard.runtime.in_turns import InTurns
from icsguard.runtime.mirror import Outlet
from icsguard.runtime.modbus_shell import ClientEnd
from icsguard.runtime.pool_shell import PooledEnd, PoolShell
from icsguard.runtime.tasks import spawn
from icsguard.runtime.wire import Wire, open_wire

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable


class Listener:
    """One conduit on the wire."""

    def __init__(
        self, guard: Guard, conduit: Conduit, clock: Clock, outlet: Outlet, may_open: Callable[[], bool]
    ) -> None:
        self.guard = guard
        self.conduit = conduit
        self.clock = clock
        self.outlet = outlet
        self.ends: dict[int, ClientEnd] = {}
        """By flow; as many as the guard has sessions."""
        self.port = 0
        """The port that is really open."""
        self.pool: PoolShell | None = None
        """The links that all clients share; None where each has its own."""
        if conduit.links:
            guard.pool = Pool(guard, clock.now() & 0xFFFFFFFF)
            self.pool = PoolShell(self, guard.pool)
        self._may_open = may_open
        self.asked: dict[int, ClientEnd] = {}
        """Who waits for the shadow, by the number of the question."""
        self._doors: tuple[Door, ...] = ()
        self.loop = asyncio.get_running_loop()
        self._deadlines = Deadlines(self)
        self.leaving = InTurns(self.loop)
        """Ends of conversations: many clients may leave at once."""
        self.wire: Wire | None = open_wire(self.loop, clock.anchor, outlet.note) if self.pool is None else None
        """What passes known reads from socket to socket; None without the compiled core."""

    # From start to stop.

    async def start(self) -> None:
        """Listen, and begin to keep time. Raises OSError where the address cannot be bound."""
        await self.listen()
        self._deadlines.start()

    async def listen(self) -> None:
        """Listen where the conduit says. Raises OSError where the address cannot be bound."""
        self._doors = await open_doors(self.conduit.listen_host, self.conduit.listen_port, self.loop, self._enter)
        self.port = self._doors[0].port

    def _enter(self, sock: socket.socket) -> None:
        spawn(self.loop.connect_accepted_socket(self.end, sock), "client")

    def end(self) -> ClientEnd:
        """Return the shell of a new connection."""
        return ClientEnd(self) if self.pool is None else PooledEnd(self)

    def stop_accepting(self) -> None:
        """Take no new clients."""
        for door in self._doors:
            door.close()
        self._doors = ()

    def take(self, conduit: Conduit, judge: Judge) -> None:
        """Take changed options and a new policy into use."""
        self.conduit = conduit
        self.guard.reload(conduit, judge)

    def keep_wall(self, shift: int) -> None:
        """Note how far the wall clock is from the steady one, ns."""
        self.guard.memory.wall_shift = shift

    def drain(self) -> None:
        """Answer what is under way, then close each connection."""
        if self.guard.pool is not None:
            self.guard.pool.linger = 0
        for end in list(self.ends.values()):
            if end.session is not None:
                end.run(end.session.drain(self.clock.now()))

    def close(self) -> None:
        """Close everything now."""
        self.stop_accepting()
        self._deadlines.stop()
        for end in list(self.ends.values()):
            if end.transport is not None:
                end.transport.abort()
            end.device.end()
        if self.pool is not None:
            self.pool.close()
        self._close_wire()
        self.leaving.hurry()
        self.guard.folder.flush()

    def _close_wire(self) -> None:
        if self.wire is not None:
            self.wire.close()
            self.wire = None

    # Clients.

    def admit(self, end: ClientEnd) -> Talk | None:
        """Return a session for a new client; None where it must be closed at once, which is on record."""
        assert end.transport is not None  # noqa: S101 - called when the connection was made
        if not self._doors:
            return None  # it came in while the last door closed
        address, port = _peer(end.transport)
        client = Client(address, port, self.guard.judge.client(address))
        now = self.clock.now()
        refusal = self._refusal(client, now)
        if refusal:
            self._turn_away(client, refusal, now)
            return None
        session = self.session(client, now)
        self.ends[session.flow] = end
        self.arm(session.next_timer())
        return session

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the status warns of beside the site's own; a conduit of Modbus has nothing to say."""
        return ()

    def session(self, client: Client, now: int) -> Talk:
        """Return the conversation of a new client."""
        guard, flow = self.guard, self.guard.run.next_flow()
        if guard.pool is None:
            return Session(guard, client, flow, now)
        return PooledSession(guard, guard.pool, client, flow, now)

    def _refusal(self, client: Client, now: int) -> str:
        if self.guard.quarantine.scope_for(client.address, now) is Scope.FULL:
            return "isolated"
        self.leaving.until(self._has_room)
        if not self._has_room() and not (client.name and self._made_room(client, now)):
            return f"{self.conduit.max_clients} clients are connected already"
        return "" if self._may_open() else "no file descriptor is left for another client"

    def _has_room(self) -> bool:
        return len(self.ends) < self.conduit.max_clients

    def _made_room(self, client: Client, now: int) -> bool:
        """End the oldest connection of somebody whom the policy does not name; False where all are named.

        Its end takes a turn of the loop: for so long there is one client more than permitted.
        """
        for end in self.ends.values():
            session, transport = end.session, end.transport
            if session is None or session.client.name or transport is None or transport.is_closing():
                continue
            self._turn_away(session.client, f"its place went to {client.name}", now, "was sent away")
            transport.abort()
            return True
        return False

    def _turn_away(self, client: Client, why: str, now: int, what: str = "was not admitted") -> None:
        self.guard.counters.shed_clients += 1
        key = FoldKey(RecordKind.VERDICT, client.address, "not-admitted", 0, why, "")
        if self.guard.folder.counts(key, now) is None:
            text = f"{client.address} {what}: {why}"
            record = self.guard.record(RecordKind.VERDICT, Severity.MEDIUM, text, now)
            layer = "operator" if why == "isolated" else "resources"
            record = replace(record, client=client.address, decision="refuse", layer=layer, outcome="refused")
            self.guard.folder.put(key, record, now)
        self.outlet.note()

    # The shadow.

    def ask(self, end: ClientEnd, command: Ask) -> None:
        """Send a question; where it cannot be sent, the answer is that none comes."""
        link = self.outlet.shadow.link
        if link is not None and link.send(links.Ask(command.question)):
            self.asked[command.question.number] = end
            self.arm(command.until)
        else:
            self.loop.call_soon(self._ask_failed, end)

    def _ask_failed(self, end: ClientEnd) -> None:
        if end.session is not None:
            end.run(end.session.opinion_missing("the shadow is not there", self.clock.now()))

    def opinion(self, opinion: Opinion) -> bool:
        """Bring an answer to the session that asked; False where it asked nothing here."""
        end = self.asked.pop(opinion.number, None)
        if end is None or end.session is None:
            return False
        end.run(end.session.opinion(opinion, self.clock.now()))
        return True

    def shadow_is(self, *, up: bool) -> None:
        """The shadow came or went: nothing waits for one that is gone."""
        self.guard.shadow_up = up
        self.guard.misses = 0
        if up:
            return
        self.asked.clear()
        for end in list(self.ends.values()):
            if end.session is not None:
                end.run(end.session.opinion_missing("the shadow went away", self.clock.now()))

    def found(self, finding: Finding) -> None:
        """Write down what the shadow found by itself."""
        now = self.clock.now()
        key = FoldKey(RecordKind.FINDING, finding.client, finding.code, 0, finding.point, finding.decision.name)
        if self.guard.folder.counts(key, now) is not None:
            return
        severity = Severity.HIGH if finding.decision > Decision.ALERT else Severity.MEDIUM
        record = replace(
            self.guard.record(RecordKind.FINDING, severity, finding.text, now),
            client=finding.client,
            flow=finding.flow,
            transaction=finding.transaction,
            decision=Decision.ALERT.name.lower(),
            would_be=finding.decision.name.lower() if finding.decision > Decision.ALERT else "",
            layer=finding.layer.value,
            technique=finding.technique,
            findings=(finding,),
        )
        self.guard.counters.alerted += 1
        self.guard.folder.put(key, record, now)

    # Time.

    def after(self, end: ClientEnd) -> None:
        """Look after what an event left: sessions to wake, a finished session, a full batch.

        Deadlines need no look: the timer comes by at least twice before any but that of a question, see `ask`.
        """
        session = end.session
        if session is not None and session.is_over:
            self.ends.pop(session.flow, None)
            end.device.end()
            if not self.ends and not self._doors:
                self._close_wire()
        if self.guard.wakeups:
            self.loop.call_soon(self.wake)
        self.outlet.note()

    def wake(self) -> None:
        """Let sessions feel at once what changed for them."""
        wakeups, self.guard.wakeups = cast("dict[int, Talk]", self.guard.wakeups), {}
        for flow, session in wakeups.items():
            end = self.ends.get(flow)
            if end is not None:
                end.run(session.timer(self.clock.now()))

    def arm(self, due: int) -> None:
        """Look at questions and the pool at `due` at the latest; 0 for never."""
        self._deadlines.arm(due)


def _port(server: Any) -> int:  # noqa: ANN401 - uvloop's sockets are a list, asyncio's a tuple
    return int(server.sockets[0].getsockname()[1])


def _peer(transport: asyncio.Transport) -> tuple[str, int]:
    peer = transport.get_extra_info("peername")
    if not peer:
        return "?", 0
    return str(peer[0]).removeprefix("::ffff:"), int(peer[1])
