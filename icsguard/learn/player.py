"""Recorded bytes played against the gateway's own pure code: sessions, guard, policy and, if given, the shadow.

The recording gives the client's bytes and, for what would have been forwarded, the device's answers at their recorded
time. An answer to a request that would have been refused is left out: the device would never have seen it. Nothing here
decides anything; time is the recording's.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from enum import Enum
from typing import Final, Protocol, cast

from icsguard.config.settings import Conduit
from icsguard.conversation.api import Ask, CloseClient, CloseLink, Command, OpenLink, ToClient, ToDevice
from icsguard.conversation.guard import Guard
from icsguard.conversation.run import Run
from icsguard.conversation.session import Session
from icsguard.core.clock import MS, SECOND
from icsguard.core.decision import Decision, Mode
from icsguard.core.finding import Finding
from icsguard.core.flow import Client
from icsguard.core.isolation import IsolationRequest, Scope
from icsguard.core.record import Record
from icsguard.core.transaction import Opinion, Outcome, Question, Transaction
from icsguard.learn.direction import Wire
from icsguard.policy.decide import Judge
from icsguard.protocols.modbus.exceptions import EXCEPTION_BIT
from icsguard.protocols.modbus.mbap import Frame, Framer

TICK_NS: Final = 100 * MS
"""How often the shadow is asked what it found, and the guard looks at its timers, in recorded time."""
IDLE_TICK_NS: Final = 5 * SECOND
"""The same after ten quiet seconds: a night without traffic costs no more than a second of it."""
LINGER_NS: Final = 10 * SECOND
"""After the last byte the recording's clock goes on for so long, so that every request ends."""
MAX_ASKED: Final = 512
"""Requests of one connection that are remembered until their recorded answer comes; the oldest is forgotten."""
_NEVER_SENT: Final = frozenset({Outcome.REFUSED, Outcome.UNREACHABLE, Outcome.ABANDONED})
_Key = tuple[int, int, int]


class Judging(Protocol):
    """As much of the shadow as a recording needs."""

    def observe(self, transactions: Sequence[Transaction], now: int) -> None:
        """Take finished transactions."""
        ...

    def ask(self, question: Question, now: int) -> Opinion:
        """Return the opinion on a write."""
        ...

    def tick(self, now: int) -> tuple[list[Finding], list[IsolationRequest]]:
        """Return what was found since the last time."""
        ...


class NoShadow:
    """Stands for a shadow that has nothing against anything: policy speaks alone."""

    def observe(self, transactions: Sequence[Transaction], now: int) -> None:
        """Look at nothing."""

    def ask(self, question: Question, now: int) -> Opinion:
        """Allow."""
        del now
        return Opinion(question.number, Decision.ALLOW, (), "")

    def tick(self, now: int) -> tuple[list[Finding], list[IsolationRequest]]:
        """Find nothing."""
        del now
        return [], []


class _Fate(Enum):
    WAITING = 0
    SENT = 1
    STOPPED = 2


class _Asked:
    """One recorded request, what became of it in the play, and its recorded answer."""

    __slots__ = ("answer", "fate", "raw", "session")

    def __init__(self, raw: bytes, session: Session) -> None:
        self.raw = raw
        self.session = session
        self.fate = _Fate.WAITING
        self.answer: bytes | None = None


class _Line:
    """One recorded connection."""

    __slots__ = ("asked", "client", "device", "is_left", "session")

    def __init__(self) -> None:
        self.session: Session | None = None
        self.is_left = False
        """The recorded client closed it."""
        self.client = Framer()
        self.device = Framer()
        self.asked: deque[tuple[_Key, _Asked]] = deque(maxlen=MAX_ASKED)


class Player:
    """One conduit that is played a recording."""

    def __init__(
        self,
        conduit: Conduit,
        mode: Mode,
        *,
        shadow: Judging | None = None,
        on_transaction: Callable[[Transaction], None],
        on_record: Callable[[Record], None],
        on_finding: Callable[[Finding], None],
    ) -> None:
        judge = Judge(conduit.policy, serial=conduit.downstream == "serial", quirks=frozenset(conduit.quirks))
        self._run = Run("replay")
        self.guard = Guard(replace(conduit, mode=mode), judge, self._run)
        self.guard.shadow_up = True
        self.turned_away = 0
        """Connections that an isolation would not have admitted."""
        self.closed = 0
        """Connections that icsguard would have closed."""
        self._shadow: Judging = shadow or NoShadow()
        self._on_transaction, self._on_record, self._on_finding = on_transaction, on_record, on_finding
        self._lines: dict[int, _Line] = {}
        self._by_flow: dict[int, tuple[_Line, Session]] = {}
        """Every session that is not over, also of clients that have left."""
        self._ticked = 0
        self._now = 0

    def play(self, wires: Iterable[Wire]) -> None:
        """Play a recording to its end, and let time pass until every request has ended."""
        for wire in wires:
            self._pass_time(wire.at)
            self._take(wire)
            self._flush()
        self._pass_time(self._now + LINGER_NS)
        for line in self._lines.values():
            if line.session is not None:
                self._do(line, line.session, line.session.client_lost(self._now))
        self._pass_time(self._now + LINGER_NS)
        self.guard.folder.flush()
        self._flush()

    def _take(self, wire: Wire) -> None:
        line = self._lines.setdefault(wire.flow, _Line())
        if wire.broken:
            self._begin_anew(line, from_client=wire.from_client)
        if wire.from_client:
            self._client(line, wire)
        else:
            self._device(line, wire)

    def _begin_anew(self, line: _Line, *, from_client: bool) -> None:
        """Bytes are missing: half a frame must not be completed with the next one's bytes."""
        if not from_client:
            line.device = Framer()
            return
        line.client = Framer()
        if line.session is not None:
            left, line.session = line.session, None
            self._do(line, left, left.client_lost(self._now))

    def _client(self, line: _Line, wire: Wire) -> None:
        session = line.session or self._admit(line, wire)
        if session is None:
            return
        if wire.data:
            frames = line.client.feed(wire.data)
            line.asked.extend((_key(frame), _Asked(frame.raw, session)) for frame in frames if frame.defect is None)
            self._do(line, session, session.client_bytes(wire.data, self._now))
        line.is_left = line.is_left or wire.ended
        if wire.ended and line.session is session:
            self._do(line, session, session.client_eof(self._now))

    def _admit(self, line: _Line, wire: Wire) -> Session | None:
        if not wire.data:
            return None
        address, port = wire.client
        if self.guard.quarantine.scope_for(address, self._now) is Scope.FULL:
            self.turned_away += 1
            return None
        client = Client(address, port, self.guard.judge.client(address))
        line.client, line.session = Framer(), Session(self.guard, client, self._run.next_flow(), self._now)
        self._by_flow[line.session.flow] = (line, line.session)
        return line.session

    def _device(self, line: _Line, wire: Wire) -> None:
        frames = line.device.feed(wire.data)
        for frame in frames:
            key = _key(frame)
            asked = next((one for known, one in line.asked if known == key and one.answer is None), None)
            if asked is None:
                self._deliver(line, line.session, frame.raw)  # nobody asked in the recording either
                continue
            asked.answer = frame.raw
            if asked.fate is _Fate.SENT:
                self._answer(line, asked)
            elif asked.fate is _Fate.STOPPED:
                self._forget(line, asked)
        if line.device.fatal is not None:
            if not frames:
                self._deliver(line, line.session, wire.data)
            line.device = Framer()
        if wire.ended and line.session is not None:
            self._do(line, line.session, line.session.link_lost("closed by the device", self._now))

    def _answer(self, line: _Line, asked: _Asked) -> None:
        self._forget(line, asked)
        self._deliver(line, asked.session, asked.answer or b"")

    def _forget(self, line: _Line, asked: _Asked) -> None:
        line.asked = deque(((key, one) for key, one in line.asked if one is not asked), MAX_ASKED)

    def _deliver(self, line: _Line, session: Session | None, data: bytes) -> None:
        if session is not None:
            self._do(line, session, session.link_bytes(data, self._now))

    def _do(self, line: _Line, session: Session, commands: list[Command]) -> None:
        """Carry out what a session says, as the shell would, without sockets."""
        for command in commands:
            match command:
                case ToDevice(data):
                    self._sent(line, session, data)
                case OpenLink():
                    self._do(line, session, session.link_up(self._now))
                case Ask(question):
                    opinion = self._shadow.ask(question, self._now)
                    self._do(line, session, session.opinion(opinion, self._now))
                case CloseClient() if line.session is session:
                    self.closed += not line.is_left
                    line.session = None
                    line.client = Framer()
                    self._do(line, session, session.client_lost(self._now))
                case ToClient() | CloseLink() | _:
                    pass
        if session.is_over:
            self._by_flow.pop(session.flow, None)

    def _sent(self, line: _Line, session: Session, data: bytes) -> None:
        asked = self._waiting(line, session, data)
        if asked is not None:
            asked.fate = _Fate.SENT
            if asked.answer is not None:  # the recording's device was asked earlier than ours
                self._answer(line, asked)

    def _waiting(self, line: _Line, session: Session, raw: bytes) -> _Asked | None:
        mine = (one for _, one in line.asked if one.session is session and one.raw == raw)
        return next((one for one in mine if one.fate is _Fate.WAITING), None)

    def _pass_time(self, until: int) -> None:
        """Let timers fire in their order, up to `until`."""
        heard = self._now
        while self._ticked:
            pause = TICK_NS if self._ticked - heard < LINGER_NS else IDLE_TICK_NS
            due = min(self._next_timer(), self._ticked + pause)
            if due > until:
                break
            self._now = max(self._now, due)
            self._tick(is_regular=self._now >= self._ticked + pause)
            self._flush()
        self._now = max(self._now, until)
        self._ticked = self._ticked or self._now

    def _next_timer(self) -> int:
        due = [session.next_timer() for _, session in self._by_flow.values()]
        return min((at for at in due if at), default=1 << 62)

    def _tick(self, *, is_regular: bool) -> None:
        """Do what is due at this moment."""
        now = self._now
        for line, session in list(self._by_flow.values()):
            if 0 < session.next_timer() <= now:
                self._do(line, session, session.timer(now))
        if not is_regular:
            return
        self._ticked = now
        self.guard.timer(now)
        findings, wishes = self._shadow.tick(now)
        for finding in findings:
            self._on_finding(finding)
        for wish in wishes:
            self.guard.quarantine.wish(wish, now)

    def _flush(self) -> None:
        """Empty the outbox: tell what was said, and show the shadow what was done."""
        self._wake()
        mirrored, self._run.mirror = cast("list[Transaction]", self._run.mirror), []
        transactions = [Transaction(*fields) for fields in mirrored]
        for transaction in transactions:
            if transaction.outcome in _NEVER_SENT:
                self._stopped(transaction)
            self._on_transaction(transaction)
        if transactions:
            self._shadow.observe(transactions, self._now)
        records, self._run.records = self._run.records, []
        for record in records:
            self._on_record(record)

    def _wake(self) -> None:
        """Let sessions feel at once what changed for them, for example an isolation."""
        wakeups, self.guard.wakeups = self.guard.wakeups, {}
        for flow in wakeups:
            if flow in self._by_flow:
                line, session = self._by_flow[flow]
                self._do(line, session, session.timer(self._now))

    def _stopped(self, transaction: Transaction) -> None:
        """The device never saw this request: its recorded answer must not come."""
        if transaction.flow not in self._by_flow:
            return  # its client has left, and its answers go nowhere
        line, session = self._by_flow[transaction.flow]
        asked = self._waiting(line, session, transaction.request)
        if asked is not None:
            asked.fate = _Fate.STOPPED
            if asked.answer is not None:
                self._forget(line, asked)


def wires_of(transactions: Iterable[Transaction]) -> Iterator[Wire]:
    """Yield transactions (of a journal) as the bytes that made them, in the order of time."""
    events: list[tuple[int, int, bool, Transaction]] = []
    for place, one in enumerate(transactions):
        events.append((one.request_at, 2 * place, True, one))
        if one.response:
            events.append((one.response_at, 2 * place + 1, False, one))
    for at, _, from_client, one in sorted(events, key=lambda event: event[:2]):
        data = one.request if from_client else one.response
        yield Wire(at, one.flow, (one.client, 0), ("device", 0), from_client, data)


def _key(frame: Frame) -> _Key:
    return frame.tid, frame.unit, frame.pdu[0] & ~EXCEPTION_BIT
