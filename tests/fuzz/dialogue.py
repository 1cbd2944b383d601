"""Whole conversations: clients, device, shadow, operators and time, each doing what it should or what it likes.

One dialogue is one seed: up to three clients on one guard, some hundred events at most. Everything that the session
says is carried out as the gateway's shell would do it, and held to the promises of `promises`.
"""

import random
from time import thread_time_ns

import mutate
import seeds
import settings_pool as pool
from promises import Watch, check_guard

from icsguard.conversation.api import Ask, CloseClient, CloseLink, OpenLink, ToClient, ToDevice
from icsguard.conversation.session import Session
from icsguard.core.clock import MS, SECOND
from icsguard.core.decision import Decision, Layer, Mode
from icsguard.core.finding import Finding
from icsguard.core.flow import Client
from icsguard.core.isolation import Isolation, IsolationRequest, Scope
from icsguard.core.transaction import Opinion
from icsguard.protocols.modbus import build
from icsguard.protocols.modbus.mbap import readdressed

START = 1_700_000_000 * SECOND
MAX_CLIENTS = 3
MAX_TIMERS = 3  # calls in which all that is due at one moment must be done
MAX_REST = 400  # rounds in which all must come to rest once the clients are gone
SPANS = (1, MS, MS, 25 * MS, 60 * MS, 300 * MS, 1100 * MS, 15 * SECOND, 400 * SECOND)
LENGTHS = (6, 12, 12, 25, 25, 50, 120)


class Material:
    """Sound and hurt ADUs to talk with."""

    def __init__(self, seed, number):
        rng = np_rng(seed, number)
        self.sound = seeds.request_pdus()
        self.answers = {pdu: seeds.answer_pdu(pdu, random.Random(f"{seed} {number}")) for pdu in self.sound}
        self.hurt_requests = _hurt(rng, mutate.Seeds(self.sound), 4096)
        self.hurt_answers = _hurt(rng, mutate.Seeds([pdu for pdu in self.answers.values() if pdu]), 1024)


def np_rng(seed, number):
    return mutate.np.random.default_rng([seed, *b"dialogues", number])


def _hurt(rng, sound, count):
    strings, _ = sound.draw(rng, count)
    mutate.scatter(rng, strings)
    mutate.frame(rng, strings)
    kept = strings.rows[: count * 4 // 5, :6].copy()
    mutate.hurt(rng, strings, head=20)
    strings.clip(8, 260)
    honest = slice(0, count * 4 // 5)  # most have a sound header: a lost stream ends the talk
    strings.rows[honest, :4] = kept[:, :4]
    strings.rows[honest, 4] = (strings.sizes[honest] - 6) >> 8
    strings.rows[honest, 5] = (strings.sizes[honest] - 6) & 0xFF
    return strings.cut()


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
        self._material = material
        self._chopping = random.Random(chopping) if chopping is not None else None
        self._favourites = [build.read(self.rng.choice((1, 3, 3)), self.rng.randrange(24), 1 + n) for n in range(3)]
        self._favourites.append(build.read(3, 95, 60))
        self._tid = 0
        self._few_tids = self.rng.random() < 0.5
        self._is_calm = self.rng.random() < 0.5
        """Mostly the same reads, answered well and soon: how a plant talks, and how the hot path is taken."""
        self._same_policy = True
        self._owed = {}
        """Flow → requests that the device has."""
        self._unaligned = set()
        """(flow, side) of which the frames do not begin where the pieces do."""
        self._rest = {}
        """(flow, side) → bytes that have not come yet of what that side began to send."""
        self._asked = []

    def run(self):
        """Let all talk, then have the clients go, and wait until nothing is left."""
        for _ in range(self.rng.choice(LENGTHS)):
            self.rng.choices(*_EVENTS)[0](self)
        for watch in self.watches:
            self._lose(watch)
        for _ in range(MAX_REST):
            if not self.guard.sessions:
                break
            self._pass_to(self._soonest(SECOND))
        self._check_end()

    # What clients do.

    def _connect(self):
        address = self.rng.choice((*pool.STATIONS, *pool.STATIONS, pool.STRANGER))
        client = Client(address, 4000, self.guard.judge.client(address))
        session = Session(self.guard, client, self.guard.run.next_flow(), self.now)
        quirks = frozenset(self.guard.conduit.quirks)
        watch = Watch(session, address, quirks, serial=self.guard.conduit.downstream == "serial")
        self.watches.append(watch)
        self._owed[session.flow] = []
        return watch

    def _client(self):
        talking = [watch for watch in self.watches if watch.is_open]
        if not talking or (len(talking) < MAX_CLIENTS and self.rng.random() < 0.05):
            talking = [self._connect()]
        watch, rng = self.rng.choice(talking), self.rng
        many = 1 if self._is_calm else rng.choice((1, 1, 1, 1, 2, 3, 5)) if rng.random() < 0.995 else 90
        data = b"".join(self._request() for _ in range(many))
        self._speak(watch, "client", data)

    def _request(self):
        rng, kind = self.rng, self.rng.random() * (0.5 if self._is_calm and self.rng.random() < 0.8 else 1)
        self._tid = rng.randrange(3) if self._few_tids else (self._tid + 1) & 0xFFFF
        if kind < 0.45:
            return build.adu(self._tid, 17, rng.choice(self._favourites))
        if kind < 0.65:
            address = rng.choice((100, 110, 120, 130, 145, pool.ASKED, pool.ASKED, 155, rng.randrange(256)))
            value = 5 if address == pool.ASKED else rng.choice((0, 5, 300, 900, 5000))
            return build.adu(self._tid, 17, build.write_register(address, value))
        if kind < 0.67:
            return build.adu(self._tid, 17, build.read(2, 3, 2))
        if kind < 0.75:
            return build.adu(self._tid, rng.choice(pool.UNITS), rng.choice(self._material.sound))
        raw = rng.choice(self._material.hurt_requests)
        return readdressed(raw, tid=self._tid, unit=17) if rng.random() < 0.8 else raw

    def _scan(self):
        """Write all over the tables, as one who looks for what is there."""
        for watch in self._some(lambda watch: watch.is_open):
            for first in (0, 60, 120):
                writes = (build.write_register(3 * (first + number), 5) for number in range(60))
                if watch.is_open:
                    self._speak(watch, "client", b"".join(build.adu(first, 17, write) for write in writes))

    def _speak(self, watch, side, data):
        """Have a side send what it held back and `data`, perhaps without its end."""
        key = (watch.session.flow, side)
        data = self._rest.pop(key, b"") + data
        if self.rng.random() < (0.02 if self._is_calm else 0.1):
            end = self.rng.randrange(len(data) + 1)
            data, self._rest[key] = data[:end], data[end:]
        if side == "client":
            watch.note_sent(data)
        commands, one_frame = [], side == "client" or self._is_one_frame(key, data)
        pieces = self._pieces(data, one_frame=one_frame)
        began = thread_time_ns()
        for piece in pieces:
            commands += (self._from_client if side == "client" else self._from_device)(watch, piece)
        self.longest_ns = max(self.longest_ns, thread_time_ns() - began)
        self._carry_out(watch, commands)

    def _is_one_frame(self, key, data):
        """Say whether a device's bytes are one frame, and all before them were."""
        if len(data) > 6 and len(data) == 6 + int.from_bytes(data[4:6]) and key not in self._unaligned:
            return True
        self._unaligned.add(key)
        return False

    def _pieces(self, data, *, one_frame):
        """Chop where that must make no difference: a device's second answer may meet a request sent after its first."""
        if self._chopping is None or not one_frame:
            return [data] if data else []
        cuts = sorted(self._chopping.randrange(len(data) + 1) for _ in range(self._chopping.randrange(5)))
        edges = zip([0, *cuts], [*cuts, len(data)], strict=True)
        return [data[start:end] for start, end in edges if start < end]

    def _from_client(self, watch, data):
        if self._chopping is None and watch.session.request_passes(data, self.now):
            return [ToDevice(data)]
        return watch.session.client_bytes(data, self.now)

    def _from_device(self, watch, data):
        if self._chopping is None and watch.session.response_passes(data, self.now):
            return [ToClient(data)]
        return watch.session.link_bytes(data, self.now)

    def _eof(self):
        for watch in self._some(lambda watch: watch.is_open):
            self._carry_out(watch, watch.session.client_eof(self.now))

    def _leave(self):
        for watch in self._some(lambda watch: not watch.is_gone):
            self._lose(watch)

    def _lose(self, watch):
        if not watch.is_gone:
            watch.is_gone = True
            self._carry_out(watch, watch.session.client_lost(self.now))

    def _some(self, condition):
        found = [watch for watch in self.watches if condition(watch)]
        return [self.rng.choice(found)] if found else []

    # What the device does.

    def _device(self):
        for watch in self._some(
            lambda watch: watch.link == "up" and (not self._is_calm or self._owed[watch.session.flow])
        ):
            owed = self._owed[watch.session.flow]
            data = b""
            for _ in range(1 if self._is_calm else self.rng.choice((1, 1, 1, 2, 4))):
                data += self._answer(owed)
            self._speak(watch, "device", data)

    def _may_answer(self, watch):
        return watch.link == "up" and (not self._is_calm or self._owed[watch.session.flow])

    def _answer(self, owed):
        """Answer the oldest request or another one, well or badly."""
        rng = self.rng
        if not owed or rng.random() < (0.004 if self._is_calm else 0.04):
            return rng.choice(self._material.hurt_answers)
        asked = owed[0] if rng.random() < 0.8 else rng.choice(owed)
        if rng.random() < 0.95:
            owed.remove(asked)
        pdu, tid, unit = self._answer_pdu(asked[7:]), int.from_bytes(asked[:2]), asked[6]
        kind = rng.random() * (4 if self._is_calm else 1)
        if kind < 0.08:
            pdu = bytes((asked[7] | 0x80, rng.choice((1, 2, 3, 4, 5, 6, 11, 0, 77))))
        elif kind < 0.16:
            pdu = (rng.choice(self._material.hurt_answers)[7:] or pdu)[:253]
        elif kind < 0.2:
            tid = rng.randrange(4)
        elif kind < 0.22:
            unit ^= 1
        elif kind < 0.24:
            pdu = (pdu + b"\0" if rng.random() < 0.5 else pdu[:-1])[:253] or b"\0"
        return build.adu(tid, unit, pdu)

    def _answer_pdu(self, pdu):
        if pdu in self._material.answers:
            return self._material.answers[pdu] or pdu
        if pdu[0] in {1, 3} and len(pdu) == 5:
            count = int.from_bytes(pdu[3:5])
            size = min((count + 7) // 8 if pdu[0] == 1 else 2 * count, 250)
            return bytes((pdu[0], size)) + bytes(size)
        return pdu[:5] if pdu[0] in {15, 16} else pdu

    def _link(self):
        for watch in self._some(lambda watch: watch.link == "opening"):
            if self.rng.random() < 0.8:
                watch.link = "up"
                self._carry_out(watch, watch.session.link_up(self.now))
            else:
                watch.link = "down"
                self._carry_out(watch, watch.session.link_failed("refused", self.now))

    def _link_lost(self):
        for watch in self._some(lambda watch: watch.link == "up"):
            self._hang_up(watch)
            self._carry_out(watch, watch.session.link_lost("reset", self.now))

    def _hang_up(self, watch):
        watch.link = "down"
        self._owed[watch.session.flow].clear()
        self._rest.pop((watch.session.flow, "device"), None)
        self._unaligned.discard((watch.session.flow, "device"))

    # What shadow, operators and time do.

    def _shadow(self):
        rng = self.rng
        if not self._asked:
            return
        watch, question = self._asked.pop(rng.randrange(len(self._asked)))
        number = question.number if rng.random() < 0.95 else rng.randrange(20)
        decision = rng.choice((*[Decision.ALLOW] * 6, *Decision))
        finding = Finding("what-if", Layer.CONSEQUENCE, "harm", "what would follow", self.now, "plc1", decision)
        findings = (finding,) * (decision > Decision.ALLOW)
        if watch.session.flow in self.guard.sessions:
            self._carry_out(watch, watch.session.opinion(Opinion(number, decision, findings, "m1"), self.now))

    def _shadow_comes_or_goes(self):
        self.guard.shadow_up = not self.guard.shadow_up
        if not self.guard.shadow_up:
            self._asked.clear()
            for watch in self.watches:
                if watch.session.flow in self.guard.sessions:
                    self._carry_out(watch, watch.session.opinion_missing("it went away", self.now))

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
                self._same_policy = False
                guard.reload(*pool.other_policy(guard.conduit, rng))
        self._wake()

    def _drain(self):
        for watch in self._some(lambda watch: not watch.is_gone):
            self._carry_out(watch, watch.session.drain(self.now))

    def _stray(self):
        """Bring a session what comes too late or was never asked for: it must be nobody's."""
        for watch in self._some(lambda watch: watch.session.flow in self.guard.sessions):
            session, now = watch.session, self.now
            if watch.link != "opening":
                self._carry_out(watch, session.link_failed("late", now))
            if watch.link != "opening":
                self._carry_out(watch, session.link_up(now))
            if watch.link != "up":
                self._carry_out(watch, session.link_bytes(b"\0", now))
            if watch.link != "up":
                self._carry_out(watch, session.link_lost("late", now))
            if watch.is_told_to_close:
                self._carry_out(watch, session.client_eof(now))
                self._carry_out(watch, session.client_bytes(self._request(), now))

    def _time(self):
        span = self.rng.choice(SPANS[:-2] if self._is_calm else SPANS)
        self._pass_to(self._soonest(span) if self.rng.random() < 0.5 else self.now + span)

    def _soonest(self, span):
        """Return the next moment at which anything is due, at the latest after `span`."""
        dues = [session.next_timer() for session in self.guard.sessions.values()]
        return max(self.now + 1, min((due for due in dues if due), default=self.now + span))

    def _pass_to(self, moment):
        self.now = moment
        self.guard.timer(self.now)
        self._wake()
        for watch in self.watches:
            due = watch.session.next_timer()
            if watch.session.flow in self.guard.sessions and due and due <= self.now:
                self._run_timer(watch)
        for watch in self.watches:
            if watch.is_told_to_close:
                self._lose(watch)

    def _run_timer(self, watch):
        for _ in range(MAX_TIMERS):
            began = thread_time_ns()
            commands = watch.session.timer(self.now)
            self.longest_ns = max(self.longest_ns, thread_time_ns() - began)
            self._carry_out(watch, commands)
            due = watch.session.next_timer()
            if not due or due > self.now:
                return
        raise AssertionError("a timer that is due again and again")

    # What the shell does.

    def _carry_out(self, watch, commands):
        """Do what a session says, and hold it to its promises."""
        answers = [command.data for command in commands if type(command) is ToClient]
        rows, self.guard.run.mirror = self.guard.run.mirror, []
        for command in commands:
            if type(command) is ToDevice:
                watch.to_device(command.data, self.guard, same_policy=self._same_policy)
                self._owed[watch.session.flow].append(command.data)
            elif type(command) is not ToClient:
                self._carry_out_one(watch, command)
        watch.account(rows, answers, self.guard)
        watch.is_told_to_close |= any(type(command) is CloseClient for command in commands)
        watch.check_bounds()
        self.said.append((watch.session.flow, commands, [(row[0], *row[6:]) for row in rows]))
        self._wake()
        if watch.link == "opening" and self.rng.random() < 0.7:
            watch.link = "up"
            self._carry_out(watch, watch.session.link_up(self.now))
        if self._is_calm and self._owed[watch.session.flow] and self.rng.random() < 0.7:
            self._speak(watch, "device", self._answer(self._owed[watch.session.flow]))

    def _carry_out_one(self, watch, command):
        match command:
            case OpenLink():
                assert watch.link == "down", "opens a link that is there"
                watch.link = "opening"
            case CloseLink():
                assert watch.link != "down", "closes a link that is not there"
                self._hang_up(watch)
            case CloseClient():
                assert watch.is_open or watch.is_gone, "closes the client twice"
            case Ask(question):
                assert question.request in watch._frames, "asks about what the client never sent"
                self._asked.append((watch, question))

    def _wake(self):
        while self.guard.wakeups:
            woken, self.guard.wakeups = self.guard.wakeups, {}
            for watch in self.watches:
                if watch.session.flow in woken:
                    self._carry_out(watch, watch.session.timer(self.now))

    def _check_end(self):
        guard = self.guard
        assert guard.counters.transactions == guard.run.transactions, "a request was not counted, or twice"
        assert guard.counters.p99_added_us() >= 0, "a latency below nothing"
        assert not guard.sessions, "the session never comes to rest"
        check_guard(guard, set())
        assert not guard.caches, "a cache of nobody"
        numbers = sorted(number for watch in self.watches for number, _, _ in watch.ended)
        assert numbers == list(range(1, guard.run.transactions + 1)), "a request without an end, or with two"
        for watch in self.watches:
            watch.check_end()
            assert watch.link == "down", "a link was left open"
            assert watch.session.in_flight == 0, "something is still under way"
            assert not watch.session._turns.asked, "an opinion is still waited for"
            assert not watch.session.asks(guard.run.transactions), "an opinion is still of use"
            assert 0 <= watch.session.refused <= len(watch.ended), "refused more than asked"
            assert 0 <= watch.session.writes <= len(watch.ended), "more writes than requests"


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


class Conversations:
    """Dialogues in batches; every fourth is held again, chopped otherwise and without the hot path."""

    name = "conversation"
    size = 128

    def __init__(self, seed):
        self.seed = seed
        self._mixtures = pool.mixtures(seed)
        self._number, self._material = -1, None
        self._longest_ns = 0

    def batch(self, number):
        if number // 64 != self._number:
            self._number = number // 64
            self._material = Material(self.seed, self._number)
        return range(number * self.size, (number + 1) * self.size)

    def check(self, number, seen):
        mixture = self._mixtures[number % len(self._mixtures)]
        seed = f"{self.seed} {number}"
        dialogue = Dialogue(mixture, self._material, seed)
        dialogue.run()
        self._longest_ns = dialogue.longest_ns
        seen["events"] += len(dialogue.said)
        for watch in dialogue.watches:
            for _, _, outcome in watch.ended:
                seen[outcome.name.lower()] += 1
        if number % 4 == 0:
            again = Dialogue(mixture, self._material, seed, chopping=seed)
            again.run()
            assert dialogue.said == again.said, "another chopping, another conversation"
            told = [(record.kind, record.text) for record in dialogue.guard.run.recent]
            assert told == [(record.kind, record.text) for record in again.guard.run.recent], "other records"

    def longest_event_ns(self):
        """Return the CPU time of the longest event of the dialogue checked last."""
        return self._longest_ns

    def show(self, number):
        conduit = self._mixtures[number % len(self._mixtures)][0]
        return f"dialogue {number}: {conduit.mode}, policy {conduit.policy.digest!r}, quirks {conduit.quirks}"
