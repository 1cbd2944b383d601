"""Dialogues in which all clients of a conduit share one to three device connections, over Modbus/TCP or RTU."""

from collections import Counter
from dataclasses import replace
from itertools import pairwise
from random import Random
from time import thread_time_ns

import settings_pool
from cast import Line
from conversations import Conversations
from dialogue import Dialogue

from icsguard.config.settings import Framing
from icsguard.conversation.api import Ask, CloseClient, CloseLink, OpenLink, ToClient, ToDevice
from icsguard.conversation.pool import MAX_POOL_WAITING, Pool
from icsguard.conversation.pooled import PooledSession
from icsguard.protocols.modbus.correlate import MAX_ENDED
from icsguard.protocols.modbus.mbap import MAX_PENDING
from icsguard.protocols.modbus.meaning import changes_plant, meaning
from icsguard.protocols.modbus.rtu import MAX_FRAME, crc16, encode

MAX_ROUNDS = 1000


class SharedLinks(Dialogue):
    """The shell of sessions that share links."""

    def __init__(self, mixture, material, seed, *, chopping=None):
        super().__init__(mixture, material, seed, chopping=chopping)
        self.pool = self.guard.pool = Pool(self.guard, 7)
        self._lines = [Line() for _ in self.pool.lanes]
        self._is_rtu = self.guard.conduit.framing is Framing.RTU
        self._handed = Counter()
        """How often the device got each request, by what follows its transaction identifier."""
        self._rows = {}
        """What ended of each flow, and was not told yet."""
        self._told = {}
        """What each flow's client was sent, and was not looked at yet."""
        self._is_busy = False

    def lines(self):
        """Return all device connections."""
        return self._lines

    def new_session(self, client, flow):
        """Return a new connection's session."""
        self._rows[flow], self._told[flow] = [], []
        return PooledSession(self.guard, self.pool, client, flow, self.now)

    def is_at_rest(self):
        """Say whether no session is left and no link carries anything."""
        return not self.guard.sessions and not any(lane.load for lane in self.pool.lanes)

    def handed(self, _watch, raw):
        """Return how often the device got such a request, whoever asked."""
        return self._handed[raw[6:]]

    def asked(self, _watch, raw):
        """Return how often such a request was sent, whoever did."""
        return sum(other[6:] == raw[6:] for watch in self.watches for other in watch.sent)

    # Bytes.

    def from_client(self, watch, data):
        """Return what comes of bytes from the client."""
        passed = watch.session.request_passes(data, self.now) if self.chopping is None else None
        if passed is None:
            return watch.session.client_bytes(data, self.now)
        self._to_device(*passed)
        return []

    def from_device(self, line, pieces):
        """Take what the device sent."""
        self.pool.serve(self.now)  # half an answer lets others have their turn: have them before, however it is cut
        self._settle()
        index, began = self._lines.index(line), thread_time_ns()
        for data in self._on_the_wire(pieces) if line.state == "up" else ():
            passed = self.pool.response_passes(index, data, self.now) if self.chopping is None else None
            if passed is None:
                self.pool.lane_bytes(index, data, self.now)
                continue
            session, answer = passed
            self._tell(session.flow, answer)
            if self.pool.ring:
                self.pool.serve(self.now)
        self.longest_ns = max(self.longest_ns, thread_time_ns() - began)
        self._settle()

    def _on_the_wire(self, pieces):
        """Turn ADUs into what a serial device would send; where they are chopped, its frames are as well."""
        if not self._is_rtu:
            return pieces
        body = b"".join(pieces)[6:]
        data = body + (crc16(body) if self.rng.random() < 0.97 else b"\0\0")
        edges = [0, *(len(data) * part // len(pieces) for part in range(1, len(pieces))), len(data)]
        return [data[start:end] for start, end in pairwise(edges) if start < end]

    def open(self, line, *, works):
        """End the attempt to connect."""
        line.state = "up" if works else "down"
        index = self._lines.index(line)
        if works:
            self.pool.lane_up(index, self.now)
        else:
            self.pool.lane_failed(index, "refused", self.now)
        self._settle()

    def line_lost(self, line):
        """Tell the pool that a line broke."""
        self.pool.lane_lost(self._lines.index(line), "reset", self.now)
        self._settle()

    def stray_from_device(self, _watch):
        """Bring what a link says that is not there, or that it does not read, or reads again."""
        for index, line in enumerate(self._lines):
            for states, event in (
                (("down", "up"), lambda index=index: self.pool.lane_failed(index, "late", self.now)),
                (("down", "up"), lambda index=index: self.pool.lane_up(index, self.now)),
                (("down", "opening"), lambda index=index: self.pool.lane_bytes(index, b"\0", self.now)),
                (("down", "opening"), lambda index=index: self.pool.lane_lost(index, "late", self.now)),
                (("up",), lambda index=index: self.pool.lane_stalled(index, self.now, stalled=True)),
                (("up",), lambda index=index: self.pool.lane_stalled(index, self.now, stalled=False)),
            ):
                if line.state in states:
                    event()
                    self._settle()

    def dues(self):
        """Return when sessions and pool want their timers, 0 for never."""
        return [*super().dues(), self.pool.next_timer(self.now)]

    def pass_to(self, moment):
        """Turn the clock and do what is due."""
        super().pass_to(moment)
        due = self.pool.next_timer(self.now)
        for _ in range(3):
            if not due or due > self.now:
                return
            self.pool.timer(self.now)
            self._settle()
            due = self.pool.next_timer(self.now)
        assert not due or due > self.now, "the pool's timer is due again and again"

    # Commands.

    def carry_out(self, watch, commands):
        """Do what a session says, then what the pool and the other sessions have to say."""
        self._take(watch, commands)
        self._settle()

    def _settle(self):
        """Let all speak until nobody has anything to say, then hold everything to its promises."""
        if self._is_busy:
            return
        self._is_busy = True
        for _ in range(MAX_ROUNDS):
            commands, self.pool.commands = self.pool.commands, []
            for index, command in commands:
                self._do(index, command)
            if not self.pool.touched:
                break
            _, session = self.pool.touched.popitem()
            watch = next(one for one in self.watches if one.session is session)
            self._take(watch, session.flush(self.now))
        assert not self.pool.touched, "the sessions never fall silent"
        self._account()
        self._is_busy = False
        self.wake()
        for line in self._lines:
            self.prompt(line)

    def _take(self, watch, commands):
        for command in commands:
            match command:
                case ToClient(raw):
                    self._tell(watch.session.flow, raw)
                case CloseClient():
                    assert watch.is_open or watch.is_gone, "closes the client twice"
                    watch.is_to_be_closed = True
                    self.said.append(("close", watch.session.flow, b""))
                case Ask(question):
                    assert watch.has_sent(question.request), "asks about what the client never sent"
                    self.questions.append((watch, question))
                case _:
                    raise AssertionError(f"a session with shared links says {command}")

    def _tell(self, flow, raw):
        self._told[flow].append(raw)
        self.said.append(("client", flow, raw))

    def _do(self, index, command):
        line = self._lines[index]
        match command:
            case ToDevice(data):
                self._to_device(index, data)
            case OpenLink():
                assert line.state == "down", "opens a link that is there"
                line.state = "opening"
            case CloseLink():
                assert line.state != "down", "closes a link that is not there"
                line.hang_up()
        if not isinstance(command, ToDevice):
            self.said.append(("link", index, command))

    def _to_device(self, index, data):
        line, conduit = self._lines[index], self.guard.conduit
        assert line.state == "up", "sent to a device that is not connected"
        body, tid = (data[:-2], b"\0\0") if self._is_rtu else (data[6:], data[:2])
        if self._is_rtu:
            assert data == encode(body[0], body[1:]), "a frame with a wrong check sum"
        asking = [(watch, raw) for watch in self.watches for raw in watch.sent if raw[6:] == body]
        assert asking, "the device gets what no client sent"
        watch, raw = min(asking, key=_foreign)
        request = watch.parsed(raw)
        self._handed[body] += 1
        most = len(asking) * (1 if changes_plant(meaning(request)) else 2)
        assert self._handed[body] <= most, "sent to the device more often than asked"
        if self.guard.acts:
            watch.check_lawful(raw, request, self.guard, same_policy=self.same_policy)
            assert len(raw) <= conduit.max_pdu + 7, "more than the device takes"
        else:
            for other, _ in asking:
                other.lenient.add(body)
        lane = self.pool.lanes[index]
        assert lane.load <= lane.correlator.limit, "too many in flight"
        line.owed.append(tid + raw[2:])
        self.said.append(("device", index, data))

    def _account(self):
        rows, self.guard.run.mirror = self.guard.run.mirror, []
        for row in rows:
            self._rows[row[2]].append(row)
        for watch in self.watches:
            flow = watch.session.flow
            ended, self._rows[flow] = self._rows[flow], []
            told, self._told[flow] = self._told[flow], []
            watch.account(ended, told, self.guard, self.handed)
            watch.is_told_to_close |= watch.is_to_be_closed
            watch.check_bounds()
        for lane in self.pool.lanes:
            assert len(lane.correlator._ended) <= MAX_ENDED, "the link's memory grows"
            assert lane.wire.pending <= max(MAX_PENDING, MAX_FRAME), "a framer holds too much"
        assert 0 <= self.pool.waiting <= MAX_POOL_WAITING + len(self.watches), "too many wait for the pool"

    def check_end(self):
        """Nothing is left in the pool."""
        super().check_end()
        assert not self.pool.ring, "somebody waits who is gone"
        assert self.pool.waiting == 0, "something still waits for the pool"
        assert not any(lane.riders or lane.hot for lane in self.pool.lanes), "a link carries what has ended"
        assert all(watch.session.exchange.riding == 0 for watch in self.watches), "somebody still rides"


def _foreign(asked):
    """Sort what is no Modbus last: another frame with the same body was the one that went."""
    _, raw = asked
    return raw[2:4] != b"\0\0"


class SharedConversations(Conversations):
    """Dialogues on shared links."""

    name = "shared links"
    kind = SharedLinks

    def mixtures(self, seed):
        """Return the conduits, with links to share."""
        rng, found = Random(f"shared {seed}"), []
        for conduit, judge in settings_pool.mixtures(seed):
            shared = replace(
                conduit,
                links=rng.choice((1, 1, 2, 3)),
                device_in_flight=rng.choice((1, 1, 4)),
                coalesce=rng.random() < 0.4,
                connect_delay_ms=rng.choice((0, 0, 50)),
                min_gap_ms=rng.choice((0, 0, 20)),
                max_pdu=rng.choice((253, 253, 64)),
                framing=rng.choice((Framing.MBAP, Framing.MBAP, Framing.RTU)),
            )
            found.append((shared, judge))
        return found

    def _compare(self, one, other):
        """Compare where one client talks alone: who shares a link with others has its turn when it comes.

        Where the device wants pauses, each piece of an answer asks once more who may go: not compared either. Nor where
        a link is closed for what came after a good answer: the next request may have gone before that arrived.
        """
        conduit = one.guard.conduit
        if len(one.watches) > 1 or conduit.min_gap_ms or conduit.connect_delay_ms:
            return
        if any(isinstance(said[2], CloseLink) for said in (*one.said, *other.said)):
            return
        assert Counter(one.said) == Counter(other.said), "another chopping, another conversation"
