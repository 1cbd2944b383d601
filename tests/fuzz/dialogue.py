"""Whole conversations: clients, device, shadow, operators and time, each doing what it should or what it likes.

One dialogue is one seed: up to three clients on one guard, some hundred events at most. Everything that a session says
is carried out as the gateway's shell would do it, and held to the promises of `promises`. What differs between a link
of one's own and shared ones is in `own_links` and `shared_links`.
"""

import random
from time import thread_time_ns

import settings_pool as pool
from cast import Answering, Asking
from promises import Watch, check_guard

from icsguard.core.clock import MS, SECOND
from icsguard.core.decision import Decision, Layer, Mode
from icsguard.core.finding import Finding
from icsguard.core.flow import Client
from icsguard.core.isolation import Isolation, IsolationRequest, Scope
from icsguard.core.transaction import Opinion
from icsguard.protocols.modbus import build

START = 1_700_000_000 * SECOND
MAX_CLIENTS = 3
MAX_TIMERS = 3  # calls in which all that is due at one moment must be done
MAX_REST = 400  # rounds in which all must come to rest once the clients are gone
SPANS = (1, MS, MS, 25 * MS, 60 * MS, 300 * MS, 1100 * MS, 15 * SECOND, 400 * SECOND)
LENGTHS = (6, 12, 12, 25, 25, 50, 120)


class Dialogue:
    """One conduit and all who talk over it. With `chopping`, bytes come in pieces and the hot path is not tried."""

    def __init__(self, mixture, material, seed, *, chopping=None):
        self.rng = random.Random(seed)
        self.guard = pool.new_guard(mixture)
        self.guard.shadow_up = self.rng.random() < 0.7
        self.now = START
        self.watches = []
        self.said = []
        """All commands and ends: what another chopping must not change."""
        self.longest_ns = 0
        """CPU time of the longest event."""
        self.chopping = random.Random(chopping) if chopping is not None else None
        self.is_calm = self.rng.random() < 0.5
        self.same_policy = True
        self.asking = Asking(self.rng, material, is_calm=self.is_calm)
        self.answering = Answering(self.rng, material, is_calm=self.is_calm)
        self.questions = []
        """(watch, question) that the shadow has not answered."""

    def run(self):
        """Let all talk, then have the clients go, and wait until nothing is left."""
        for _ in range(self.rng.choice(LENGTHS)):
            self.rng.choices(*_EVENTS)[0](self)
        for watch in self.watches:
            self.lose(watch)
        for _ in range(MAX_REST):
            if self.is_at_rest():
                break
            self.pass_to(self.soonest(SECOND))
        self.check_end()

    # What clients do.

    def connect(self):
        """Bring a client."""
        address = self.rng.choice((*pool.STATIONS, *pool.STATIONS, pool.STRANGER))
        client = Client(address, 4000, self.guard.judge.client(address))
        session = self.new_session(client, self.guard.run.next_flow())
        watch = Watch(session, self.guard.conduit)
        self.watches.append(watch)
        return watch

    def _client(self):
        talking = [watch for watch in self.watches if watch.is_open]
        if not talking or (len(talking) < MAX_CLIENTS and self.rng.random() < 0.05):
            talking = [self.connect()]
        self.speak(self.rng.choice(talking), self.asking.some())

    def _scan(self):
        """Write all over the tables, as one who looks for what is there."""
        for watch in self.some(lambda watch: watch.is_open):
            for first in (0, 60, 120):
                writes = (build.write_register(3 * (first + number), 5) for number in range(60))
                if watch.is_open:
                    self.speak(watch, b"".join(build.adu(first, 17, write) for write in writes))

    def speak(self, watch, data):
        """Have a client send what it held back and `data`, perhaps without its end."""
        data, watch.rest = self.perhaps_half(watch.rest + data)
        watch.note_sent(data)
        pieces, began = self.pieces(data), thread_time_ns()
        commands = [command for piece in pieces for command in self.from_client(watch, piece)]
        self.longest_ns = max(self.longest_ns, thread_time_ns() - began)
        self.carry_out(watch, commands)

    def perhaps_half(self, data):
        """Return what is sent of `data` and what is held back: mostly nothing."""
        if self.rng.random() >= (0.02 if self.is_calm else 0.1):
            return data, b""
        end = self.rng.randrange(len(data) + 1)
        return data[:end], data[end:]

    def pieces(self, data):
        """Chop."""
        if self.chopping is None:
            return [data] if data else []
        cuts = sorted(self.chopping.randrange(len(data) + 1) for _ in range(self.chopping.randrange(5)))
        edges = zip([0, *cuts], [*cuts, len(data)], strict=True)
        return [data[start:end] for start, end in edges if start < end]

    def _eof(self):
        for watch in self.some(lambda watch: watch.is_open):
            self.carry_out(watch, watch.session.client_eof(self.now))

    def _leave(self):
        for watch in self.some(lambda watch: not watch.is_gone):
            self.lose(watch)

    def lose(self, watch):
        """Take a client away."""
        if not watch.is_gone:
            watch.is_gone = True
            self.carry_out(watch, watch.session.client_lost(self.now))

    def some(self, condition):
        """Return one connection for which `condition` holds, or none."""
        found = [watch for watch in self.watches if condition(watch)]
        return [self.rng.choice(found)] if found else []

    # What the device does.

    def _device(self):
        lines = [line for line in self.lines() if line.state == "up" and (line.owed or not self.is_calm)]
        if lines:
            line = self.rng.choice(lines)
            self.answer(line, self.answering.some(line.owed))

    def answer(self, line, data):
        """Have the device send what it held back and `data`, perhaps without its end."""
        data, line.rest = self.perhaps_half(line.rest + data)
        # A second answer may meet a request that was sent after the first: chopping then makes a difference.
        pieces = self.pieces(data) if line.is_one_frame(data) else [data] if data else []
        self.from_device(line, pieces)

    def _link(self):
        for line in self.lines():
            if line.state == "opening" and self.rng.random() < 0.7:
                self.open(line, works=self.rng.random() < 0.8)

    def _link_lost(self):
        lines = [line for line in self.lines() if line.state == "up"]
        if lines:
            line = self.rng.choice(lines)
            line.hang_up()
            self.line_lost(line)

    def prompt(self, line):
        """Have a link open soon, and a calm device answer soon."""
        if line.state == "opening" and self.rng.random() < 0.7:
            self.open(line, works=True)
        if self.is_calm and line.owed and self.rng.random() < 0.7:
            self.answer(line, self.answering.one(line.owed))

    # What shadow, operators and time do.

    def _shadow(self):
        rng = self.rng
        if not self.questions:
            return
        watch, question = self.questions.pop(rng.randrange(len(self.questions)))
        number = question.number if rng.random() < 0.95 else rng.randrange(20)
        decision = rng.choice((*[Decision.ALLOW] * 6, *Decision))
        finding = Finding("what-if", Layer.CONSEQUENCE, "harm", "what would follow", self.now, "plc1", decision)
        findings = (finding,) * (decision > Decision.ALLOW)
        if self.is_live(watch):
            self.carry_out(watch, watch.session.opinion(Opinion(number, decision, findings, "m1"), self.now))

    def _shadow_comes_or_goes(self):
        self.guard.shadow_up = not self.guard.shadow_up
        if not self.guard.shadow_up:
            self.questions.clear()
            for watch in self.watches:
                if self.is_live(watch):
                    self.carry_out(watch, watch.session.opinion_missing("it went away", self.now))

    def is_live(self, watch):
        """Say whether the shell still knows that session."""
        return watch.session.flow in self.guard.sessions

    def _operator(self):
        guard, rng = self.guard, self.rng
        address = rng.choice((*pool.STATIONS, pool.STRANGER))
        match rng.randrange(9):
            case 0 | 1 | 2:
                for ticket in guard.tickets.live(self.now)[:1]:
                    (guard.tickets.deny if rng.random() < 0.2 else guard.tickets.approve)(ticket.id, "anna", self.now)
            case 3:
                scope, end = rng.choice(list(Scope)), rng.choice((0, self.now + 2 * SECOND))
                guard.quarantine.isolate(Isolation(address, "plc1", scope, "a look", "anna", self.now, end), self.now)
            case 4 | 5:
                guard.quarantine.release(address, "all is well", "anna", self.now)
            case 6:
                scope = rng.choice(list(Scope))
                guard.quarantine.wish(IsolationRequest(address, "plc1", scope, "odd", "twin", 5), self.now)
            case 7:
                guard.set_mode(rng.choice(list(Mode)))
            case 8:
                self.same_policy = False
                guard.reload(*pool.other_policy(guard.conduit, rng))
        self.wake()

    def _drain(self):
        for watch in self.some(lambda watch: not watch.is_gone):
            self.carry_out(watch, watch.session.drain(self.now))

    def _stray(self):
        """Bring a session what comes too late or was never asked for: it must be nobody's."""
        for watch in self.some(self.is_live):
            self.stray_from_device(watch)
            if watch.is_told_to_close:
                self.carry_out(watch, watch.session.client_eof(self.now))
                self.carry_out(watch, watch.session.client_bytes(self.asking.one(), self.now))

    def _time(self):
        span = self.rng.choice(SPANS[:-2] if self.is_calm else SPANS)
        self.pass_to(self.soonest(span) if self.rng.random() < 0.5 else self.now + span)

    def soonest(self, span):
        """Return the next moment at which anything is due, at the latest after `span`."""
        dues = [due for due in self.dues() if due]
        return max(self.now + 1, min(dues, default=self.now + span))

    def dues(self):
        """Return when sessions want their timer, 0 for never."""
        return [session.next_timer() for session in self.guard.sessions.values()]

    def pass_to(self, moment):
        """Turn the clock and do what is due."""
        self.now = moment
        self.guard.timer(self.now)
        self.wake()
        for watch in self.watches:
            due = watch.session.next_timer()
            if self.is_live(watch) and due and due <= self.now:
                self.run_timer(watch)
        for watch in self.watches:
            if watch.is_told_to_close:
                self.lose(watch)

    def run_timer(self, watch):
        """Call a session's timer until nothing is due."""
        for _ in range(MAX_TIMERS):
            began = thread_time_ns()
            commands = watch.session.timer(self.now)
            self.longest_ns = max(self.longest_ns, thread_time_ns() - began)
            self.carry_out(watch, commands)
            due = watch.session.next_timer()
            if not due or due > self.now:
                return
        raise AssertionError("a timer that is due again and again")

    def wake(self):
        """Call the timers of those whom something woke."""
        while self.guard.wakeups:
            woken, self.guard.wakeups = self.guard.wakeups, {}
            for watch in self.watches:
                if watch.session.flow in woken:
                    self.carry_out(watch, watch.session.timer(self.now))

    def check_end(self):
        """All are at rest, and nothing is left of anybody."""
        guard = self.guard
        assert self.is_at_rest(), "it never comes to rest"
        assert guard.counters.transactions == guard.run.transactions, "a request was not counted, or twice"
        assert guard.counters.p99_added_us() >= 0, "a latency below nothing"
        check_guard(guard)
        numbers = sorted(number for watch in self.watches for number, _, _ in watch.ended)
        assert numbers == list(range(1, guard.run.transactions + 1)), "a request without an end, or with two"
        for watch in self.watches:
            watch.check_end(self.handed, self.asked)
            assert not watch.session.asks(guard.run.transactions), "an opinion is still of use"


_EVENTS = (
    (
        Dialogue._client,
        Dialogue._device,
        Dialogue._link,
        Dialogue._shadow,
        Dialogue._time,
        Dialogue._operator,
        Dialogue._link_lost,
        Dialogue._shadow_comes_or_goes,
        Dialogue._eof,
        Dialogue._leave,
        Dialogue._drain,
        Dialogue._scan,
        Dialogue._stray,
    ),
    (34, 26, 14, 8, 9, 3, 1.5, 0.7, 0.6, 0.6, 0.3, 0.1, 1),
)
