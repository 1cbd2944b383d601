"""A scene: one conduit without sockets, spoken to in lines. Transcripts and property tests play on it.

`> ` lines are events, `< ` and `! ` lines what came of them; see tests/transcripts/README.md.
"""

from dataclasses import replace
from pathlib import Path

import pytest

from icsguard.config.settings import Conduit, IsolationSettings
from icsguard.conversation.api import Ask, CloseClient, CloseLink, OpenLink, ToClient, ToDevice
from icsguard.conversation.guard import Guard
from icsguard.conversation.pool import Pool
from icsguard.conversation.pooled import PooledSession
from icsguard.conversation.run import Run
from icsguard.conversation.session import Session
from icsguard.core.clock import MS, SECOND
from icsguard.core.decision import Decision, FailurePolicy, Layer, Mode
from icsguard.core.finding import Finding
from icsguard.core.flow import Client
from icsguard.core.ids import AddressRange
from icsguard.core.isolation import Isolation, Scope
from icsguard.core.meaning import Table
from icsguard.core.point import Limits, Point, PointKind
from icsguard.core.transaction import Opinion, Outcome
from icsguard.policy.decide import Judge
from icsguard.policy.rules import Action, ClientGroup, Policy, Rule, Service, Target

START = 1_700_000_000 * SECOND
UNITS = (1, 17)
TRANSCRIPTS = Path(__file__).resolve().parent.parent / "transcripts"


def holding(first, last):
    return Target(Table.HOLDING, AddressRange(first, last))


def a_policy():
    points = tuple(
        Point(name=f"{name}_{unit}", unit_id=unit, table=Table.HOLDING, address=address, limits=limits, kind=kind)
        for unit in UNITS
        for name, address, limits, kind in (
            ("pump_speed", 100, Limits(minimum=0, maximum=1000), PointKind.NORMAL),
            ("paced", 110, Limits(min_interval_ns=SECOND), PointKind.NORMAL),
            ("trip", 120, Limits(), PointKind.SAFETY),
            ("code", 130, Limits(), PointKind.SECRET),
        )
    )
    rules = (
        Rule(
            "hmi",
            clients=("hmi",),
            units=UNITS,
            services=tuple(map(Service, (1, 3, 5, 6, 16, 22, 23))),
            targets=(holding(0, 199), Target(Table.COIL, AddressRange(0, 31))),
        ),
        Rule(
            "watch",
            clients=("hmi",),
            units=UNITS,
            services=(Service(6),),
            targets=(holding(140, 140),),
            action=Action.ALERT,
        ),
        Rule(
            "ask",
            clients=("hmi",),
            units=UNITS,
            services=(Service(6),),
            targets=(holding(150, 150),),
            action=Action.HOLD,
        ),
        Rule("listen-only", clients=("hmi",), units=UNITS, services=(Service(8, 4),)),
        Rule("broadcast", clients=("hmi",), units=(0,), services=(Service(6),), targets=(holding(0, 9),)),
    )
    groups = (ClientGroup("hmi", ("10.0.0.21/32", "10.0.0.22/32")),)
    return Policy(digest="policy", groups=groups, points=points, rules=rules)


def a_conduit(**options):
    options.setdefault("mode", Mode.ENFORCE)
    options.setdefault("policy", a_policy())
    return Conduit("plc1", "127.0.0.1", 0, "10.1.0.5", 502, **options)


def make_guard(**options):
    conduit = a_conduit(**options)
    judge = Judge(conduit.policy, serial=conduit.downstream == "serial", quirks=frozenset(conduit.quirks))
    return Guard(conduit, judge, Run("r1"))


class Scene:
    """One conduit and its sessions, with a clock that is turned by hand."""

    def __init__(self, **options):
        self.now = START
        self.guard = make_guard(**options)
        self.sessions = {}
        self.session = None
        self.fast = True
        self.tried_fast = 0
        self._seen = 0

    def connect(self, address="10.0.0.21"):
        client = Client(address, 4000, self.guard.judge.client(address))
        self.session = Session(self.guard, client, self.guard.run.next_flow(), self.now)
        self.sessions[address] = self.session
        return self.session

    def pick(self, address):
        self.session = self.sessions.get(address) or self.connect(address)

    def bytes_from_client(self, data):
        if self.fast and self.session.request_passes(data, self.now):
            self.tried_fast += 1
            return [ToDevice(data)]
        return self.session.client_bytes(data, self.now)

    def bytes_from_device(self, data):
        if self.fast and self.session.response_passes(data, self.now):
            return [ToClient(data)]
        return self.session.link_bytes(data, self.now)

    def pass_time(self, span):
        """Turn the clock from deadline to deadline, as the shell's timer would."""
        commands, end = [], self.now + span
        while self.now < end:
            dues = [session.next_timer() for session in self.guard.sessions.values()]
            soonest = min((due for due in dues if due), default=end)
            self.now = min(max(soonest, self.now + MS), self.now + 250 * MS, end)
            self.guard.timer(self.now)
            for session in list(self.guard.sessions.values()):
                due = session.next_timer()
                if due and due <= self.now:
                    commands += session.timer(self.now)
        return commands

    def wake(self):
        woken, self.guard.wakeups = self.guard.wakeups, {}
        return [command for session in woken.values() for command in session.timer(self.now)]

    def records(self):
        """Return what is on record since the last call."""
        fresh = list(self.guard.run.recent)[self._seen :]
        self._seen += len(fresh)
        return fresh

    def outcomes(self):
        """Return the outcome of each finished transaction, by number."""
        numbers = [row[0] for row in self.guard.run.mirror]
        assert len(numbers) == len(set(numbers)), "a request had two outcomes"
        return {row[0]: Outcome(row[9]) for row in self.guard.run.mirror}

    # Lines.

    def play(self, line):
        """Do what an event line says; return the lines of what came of it."""
        who, _, what = line.partition(" ")
        what = what.strip()
        commands = getattr(self, f"_on_{who}")(what)
        while self.guard.wakeups:
            commands += self.wake()
        return [said(command) for command in commands] + [told(record) for record in self.records()]

    def _on_client(self, what):
        if what == "eof":
            return self.session.client_eof(self.now)
        if what == "lost":
            return self.session.client_lost(self.now)
        if what == "drain":
            return self.session.drain(self.now)
        if what.startswith("is "):
            self.pick(what[3:])
            return []
        return self.bytes_from_client(bytes.fromhex(what))

    def _on_device(self, what):
        return self.bytes_from_device(bytes.fromhex(what))

    def _on_link(self, what):
        verb, _, why = what.partition(" ")
        if verb == "up":
            return self.session.link_up(self.now)
        return getattr(self.session, f"link_{verb}")(why or "reset", self.now)

    def _on_judged(self, what):
        number, decision, *code = what.split()
        decided = Decision[decision.upper()]
        findings = ()
        if code:
            finding = Finding("what-if", Layer.CONSEQUENCE, code[0], f"found {code[0]}", self.now, "plc1", decided)
            findings = (finding,)
        return self.session.opinion(Opinion(int(number), decided, findings, "m1"), self.now)

    def _on_shadow(self, what):
        self.guard.shadow_up = what == "up"
        return [] if what == "up" else self.session.opinion_missing("the shadow went away", self.now)

    def _on_time(self, what):
        number, unit = what.lstrip("+").split()
        return self.pass_time(int(number) * {"ms": MS, "s": SECOND}[unit])

    def _on_operator(self, what):
        verb, *words = what.split()
        if verb == "approve":
            assert self.guard.tickets.approve(words[0], "anna", self.now)
        elif verb == "deny":
            assert self.guard.tickets.deny(words[0], "anna", self.now)
        elif verb == "isolate":
            cut = Isolation(words[0], "plc1", Scope(words[1]), "a look at it", "anna", self.now, self.now + 60 * SECOND)
            self.guard.quarantine.isolate(cut, self.now)
        elif verb == "release":
            self.guard.quarantine.release(words[0], "all is well", "anna", self.now)
        elif verb == "mode":
            self.guard.set_mode(Mode(words[0]))
        elif verb == "forbid":
            conduit = replace(self.guard.conduit, policy=replace(a_policy(), rules=(), digest="empty"))
            self.guard.reload(conduit, Judge(conduit.policy))
        return []


def said(command):
    """Return a command as a transcript writes it."""
    match command:
        case ToClient(data):
            return f"< client {spaced(data)}"
        case ToDevice(data):
            return f"< device {spaced(data)}"
        case OpenLink():
            return "! open link"
        case CloseLink():
            return "! close link"
        case CloseClient():
            return "! close client"
        case Ask(question):
            return f"! ask {question.number}"


def told(record):
    """Return a record as a transcript writes it."""
    code = max(record.reasons, key=lambda r: r.decision).code if record.reasons else record.facts.get("code", "")
    code = code or record.facts.get("what", "")
    words = [record.kind.value, record.decision, f"would-be-{record.would_be}" if record.would_be else "", code]
    words += [record.outcome, record.ticket, f"x{record.repeated}" if record.repeated > 1 else ""]
    return "! record " + " ".join(word for word in words if word)


def spaced(data):
    """Return an ADU as transcripts write it: header fields apart, then the PDU."""
    text = data.hex().upper()
    return " ".join(part for part in (text[:4], text[4:8], text[8:12], text[12:14], text[14:]) if part)


@pytest.fixture
def scene():
    """A conduit in enforce mode with a shadow, and one client of the group hmi."""
    made = Scene()
    made.guard.shadow_up = True
    made.connect()
    return made


@pytest.fixture
def make_scene():
    """Make a scene with options of the conduit; `connect` is the caller's."""
    return Scene


@pytest.fixture
def new_guard():
    """Make a guard with options of the conduit."""
    return make_guard


@pytest.fixture
def new_policy():
    """Make the policy of all scenes."""
    return a_policy


HEADER = {
    "mode": lambda text: ("mode", Mode(text)),
    "failure": lambda text: ("failure", FailurePolicy(text)),
    "quirks": lambda text: ("quirks", tuple(text.split(","))),
    "downstream": lambda text: ("downstream", text),
    "in-flight": lambda text: ("max_in_flight", int(text)),
    "isolate-after": lambda text: ("isolation", IsolationSettings(auto=True, threshold=int(text), seconds=60)),
}


@pytest.fixture
def play():
    """Play a transcript; return the lines that differ as (line number, expected, happened)."""

    def run(text, *, fast=True):
        lines = [(n, line.split("  ;")[0].strip()) for n, line in enumerate(text.splitlines(), 1)]
        lines = [(n, line) for n, line in lines if line and not line.startswith("#")]
        options = dict(word.split("=") for word in lines[0][1].split())
        shadow = options.pop("shadow", "up")
        scene = Scene(**dict(HEADER[key](value) for key, value in options.items()))
        scene.fast = fast
        scene.guard.shadow_up = shadow == "up"
        scene.connect()
        return scene, _differences(scene, lines[1:])

    return run


def _differences(scene, lines):
    wrong, due = [], []
    for number, line in [*lines, (0, "> end")]:
        if not line.startswith("> "):
            if not due or normal(line) != normal(due[0]):
                wrong.append((number, line, due[0] if due else "nothing"))
            due = due[1:]
            continue
        wrong += [(number, "nothing more", happened) for happened in due]
        due = [] if line == "> end" else scene.play(line[2:])
    return wrong


def normal(line):
    """Return a line without its spaces where they mean nothing."""
    if line.startswith(("< ", "> ")):
        mark, who, *rest = line.split()
        return f"{mark} {who} {''.join(rest).upper()}"
    return line


class PoolScene:
    """One conduit whose clients share links: what goes out on each lane, and what each client gets."""

    def __init__(self, **options):
        options.setdefault("links", 1)
        self.now = START
        self.guard = make_guard(**options)
        self.guard.pool = self.pool = Pool(self.guard)
        self.sessions = {}
        self.sent, self.got, self.links = [], {}, []
        """(lane, bytes) sent; answers by client; what was done to connections."""

    def connect(self, address="10.0.0.21"):
        client = Client(address, 4000, self.guard.judge.client(address))
        session = PooledSession(self.guard, self.pool, client, self.guard.run.next_flow(), self.now)
        self.sessions[session.flow] = session
        self.got[session.flow] = []
        return session

    def settle(self, session=None, commands=()):
        """Carry out commands as the shell does."""
        if session is not None:
            self._to_client(session, commands)
        for _ in range(1000):
            commands, self.pool.commands = self.pool.commands, []
            for lane, command in commands:
                if isinstance(command, ToDevice):
                    self.sent.append((lane, command.data))
                else:
                    self.links.append((lane, type(command).__name__))
            if not self.pool.touched:
                return
            _, touched = self.pool.touched.popitem()
            self._to_client(touched, touched.flush(self.now))
        raise AssertionError("it never comes to rest")

    def _to_client(self, session, commands):
        for command in commands:
            assert isinstance(command, ToClient | CloseClient | Ask), command
            self.got[session.flow].append(command.data if isinstance(command, ToClient) else command)

    def ask(self, session, raw, *, fast=True):
        passed = session.request_passes(raw, self.now) if fast else None
        if passed is not None:
            self.sent.append(passed)
            return
        self.settle(session, session.client_bytes(raw, self.now))

    def up(self, lane=0):
        self.pool.lane_up(lane, self.now)
        self.settle()

    def fail(self, lane=0, why="refused"):
        self.pool.lane_failed(lane, why, self.now)
        self.settle()

    def lose(self, lane=0):
        self.pool.lane_lost(lane, "reset", self.now)
        self.settle()

    def device(self, data, lane=0):
        passed = self.pool.response_passes(lane, data, self.now)
        if passed is not None:
            session, answer = passed
            self.got[session.flow].append(answer)
            self.pool.serve(self.now)
        else:
            self.pool.lane_bytes(lane, data, self.now)
        self.settle()

    def answer(self, place=-1, value=7):
        """Answer what was sent (the last, or at `place`) as a device whose words are all `value`."""
        lane, raw = self.sent[place]
        self.device(answered(raw, value), lane)

    def leave(self, session):
        self.settle(session, session.client_lost(self.now))

    def pass_time(self, span):
        end = self.now + span
        while self.now < end:
            due = self.pool.next_timer(self.now)
            dues = [due, *(session.next_timer() for session in self.guard.sessions.values())]
            soonest = min((one for one in dues if one), default=end)
            self.now = min(max(soonest, self.now + MS), end)
            self.guard.timer(self.now)
            for session in list(self.guard.sessions.values()):
                if 0 < session.next_timer() <= self.now:
                    self.settle(session, session.timer(self.now))
            self.pool.timer(self.now)
            self.settle()

    def outcomes(self):
        numbers = [row[0] for row in self.guard.run.mirror]
        assert len(numbers) == len(set(numbers)), "a request had two outcomes"
        return {row[0]: Outcome(row[9]) for row in self.guard.run.mirror}


def answered(raw, value=7):
    """Return the good answer of a device to an ADU: reads give `value`, writes are echoed."""
    function, count = raw[7], int.from_bytes(raw[10:12])
    pdu = bytes((function, 2 * count)) + count * value.to_bytes(2) if function == 3 else raw[7:12]
    return raw[:4] + (1 + len(pdu)).to_bytes(2) + raw[6:7] + pdu


@pytest.fixture
def make_pool():
    """Make a conduit with shared links and options of its own."""
    return PoolScene
