"""A guard: what the sessions of one conduit share.

Mode, policy with its memory, verdict caches, quarantine, tickets, folds and counters live here; a `Session` asks its
guard and tells it what happened. Operators act on the guard (runtime/facade.py speaks for them). Pure: the shell sets
`shadow_up` and the memory's wall shift, and wakes the sessions in `wakeups`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol, cast

from icsguard.conversation.counters import Counters
from icsguard.conversation.folding import Folder
from icsguard.conversation.hot import VerdictCache
from icsguard.conversation.options import ConduitOptions
from icsguard.conversation.pacing import Pacing
from icsguard.conversation.quarantine import Quarantine
from icsguard.conversation.run import Run
from icsguard.conversation.tickets import Tickets
from icsguard.core.clock import SECOND
from icsguard.core.decision import Mode
from icsguard.core.flow import Client
from icsguard.core.ids import AddressRange
from icsguard.core.meaning import Meaning, Table
from icsguard.core.point import Point, PointKind
from icsguard.core.record import Record, RecordKind, Severity
from icsguard.policy.decide import Judge

if TYPE_CHECKING:
    from icsguard.conversation.dialogue import Dialogue
    from icsguard.conversation.pool import Pool

MAX_MISSES: Final = 3
"""Deadlines that the shadow may miss in a row before writes no longer wait for it. One answer in time restores it."""


class Member(Protocol):
    """What a guard needs of a session, whatever its protocol."""

    client: Client

    @property
    def flow(self) -> int:
        """Its number."""
        ...


class Guard:
    """The shared state of one conduit."""

    def __init__(self, conduit: ConduitOptions, judge: Judge, run: Run) -> None:
        self.conduit = conduit
        self.name: str = conduit.name
        self.run = run
        self.mode: Mode = conduit.mode
        self.judge = judge
        self.memory = judge.memory()
        self.caches: dict[str, VerdictCache] = {}
        """By client address; an entry lives as long as the address has a session."""
        self.sessions: dict[int, Dialogue] = {}
        """By flow; bounded by the conduit's `max_clients`."""
        self._connections: dict[str, int] = {}
        """How many of them each address has."""
        self.wakeups: dict[int, Dialogue] = {}
        """Sessions whose `timer` must be called now: something that they wait for has changed."""
        self.folder = Folder(run)
        self.counters = Counters()
        self.pacing = Pacing()
        self.pool: Pool | None = None
        """The links that all clients share; the shell sets it where the conduit has such."""
        self.tickets = Tickets(conduit.hold_ttl_s * SECOND)
        self.quarantine = Quarantine(self)
        self.shadow_up = False
        self.misses = 0
        self.changes = 0
        """How many requests that may change the plant were handed to the device."""
        self._secrets = _secret_spans(conduit.policy.points)

    # What the sessions ask.

    @property
    def acts(self) -> bool:
        """Say whether decisions are acted upon."""
        return self.mode is Mode.ENFORCE

    @property
    def judges(self) -> bool:
        """Say whether policy is asked at all: while learning only once there is something to ask."""
        return self.mode is not Mode.LEARN or bool(self.conduit.policy.rules)

    @property
    def waits_for_shadow(self) -> bool:
        """Say whether an opinion can be expected in time."""
        return self.shadow_up and self.misses < MAX_MISSES

    def cache_of(self, address: str) -> VerdictCache:
        """Return the verdict cache of a client address."""
        return self.caches.setdefault(address, VerdictCache())

    def is_secret(self, meaning: Meaning) -> bool:
        """Say whether the request touches a point whose value must not be recorded."""
        return any(
            access.table is table and access.span.overlaps(span)
            for table, span in self._secrets
            for access in meaning.accesses
        )

    def record(self, kind: RecordKind, severity: Severity, text: str, now: int) -> Record:
        """Return a record of this conduit with a new id; `run.put` or the folder writes it."""
        return Record(
            id=self.run.next_record_id(),
            kind=kind,
            at=now,
            severity=severity,
            text=text,
            conduit=self.name,
            protocol=self.conduit.protocol,
            mode=self.mode.value,
            policy_digest=self.judge.digest,
        )

    # What the sessions tell.

    def opened(self, session: Member) -> None:
        """Take a session into the conduit."""
        address = session.client.address
        self._connections[address] = self._connections.get(address, 0) + 1
        self.members()[session.flow] = session

    def members(self) -> dict[int, Member]:
        """Return the sessions as what they have in common: those of OPC UA are no dialogues."""
        return cast("dict[int, Member]", self.sessions)

    def closed(self, session: Member) -> None:
        """Let a session go, and its address's cache with the last one."""
        if self.members().pop(session.flow, None) is None:
            return
        cast("dict[int, Member]", self.wakeups).pop(session.flow, None)
        address = session.client.address
        left = self._connections.get(address, 1) - 1
        if left:
            self._connections[address] = left
        else:
            self._connections.pop(address, None)
            self.caches.pop(address, None)

    def delivered(self, meaning: Meaning, now: int) -> None:
        """Note that a request which may change the plant was handed to the device."""
        self.changes += 1
        self.judge.delivered(meaning, self.memory, now)

    def unknown(self, meaning: Meaning) -> None:
        """Note that nobody knows what became of a write."""
        self.counters.writes_unknown += 1
        for access in meaning.accesses:
            self.memory.unknown(meaning.unit, access.table, access.span)

    def changed_for(self, address: str) -> None:
        """Have a client's sessions feel at once that they are isolated or free again."""
        cache = self.caches.get(address)
        if cache is not None:
            cache.clear()
        wakeups = cast("dict[int, Member]", self.wakeups)
        wakeups.update((flow, one) for flow, one in self.members().items() if one.client.address == address)

    # What operators and the shell do.

    def set_mode(self, mode: Mode) -> None:
        """Act differently from the next request on."""
        self.mode = mode
        self.forget_verdicts()

    def reload(self, conduit: ConduitOptions, judge: Judge) -> None:
        """Take a new policy and new options into use from the next request on; connections and memory stay."""
        self.conduit = conduit
        self.judge = judge
        self.memory = judge.memory(self.memory)
        self.tickets.ttl_ns = conduit.hold_ttl_s * SECOND
        self.quarantine.grave.threshold = max(1, conduit.isolation.threshold)
        self._secrets = _secret_spans(conduit.policy.points)
        for session in self.members().values():
            session.client = session.client._replace(name=judge.client(session.client.address))
        self.forget_verdicts()

    def timer(self, now: int) -> None:
        """Do what is due for the conduit as a whole; to be called about every half second."""
        self.quarantine.expire(now)
        self.tickets.expire(now)
        self.folder.expire(now)

    def forget_verdicts(self) -> None:
        """Judge every read anew: what a verdict depended on has changed."""
        for cache in self.caches.values():
            cache.clear()


def _secret_spans(points: tuple[Point, ...]) -> list[tuple[Table, AddressRange]]:
    return [(p.table, AddressRange.of(p.address, p.words)) for p in points if p.kind is PointKind.SECRET]
