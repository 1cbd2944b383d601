"""The conduits on which dialogues take place: modes, quirks, failure policies and two site policies, mixed."""

import random
from dataclasses import replace

from icsguard.config.settings import Conduit, Downstream, IsolationSettings
from icsguard.conversation.guard import Guard
from icsguard.conversation.run import Run
from icsguard.core.clock import SECOND
from icsguard.core.decision import FailurePolicy, Mode, RuleState
from icsguard.core.ids import AddressRange
from icsguard.core.meaning import Table
from icsguard.core.point import DataType, Limits, Point, PointKind
from icsguard.policy.decide import Judge
from icsguard.policy.rules import Action, ClientGroup, Policy, Rate, Rule, Service, Target
from icsguard.protocols.modbus.quirks import QUIRKS

STATIONS = ("10.0.0.21", "10.0.0.22", "10.0.0.23")
PROTECTED = ((), STATIONS, ("10.0.0.20/30", "a group/with a slash"), ("hmi",))
STRANGER = "10.9.9.9"
UNITS = (0, 1, 17)
ALLOWED = (1, 3, 5, 6, 16, 22, 23)
"""Functions that the tight policy permits on its ranges; 8/4 beside them without any element."""
TIGHT = ((Table.HOLDING, 0, 199), (Table.COIL, 0, 31))
RATED = (0, 9)
"""Discrete inputs that may be read three times a second."""
ASKED = 150
"""A register on which a human decides."""
MIXTURES = 48


def tight_policy():
    """Return a policy of few ranges, with points of every kind of limit."""
    points = [
        Point("speed", 17, Table.HOLDING, 100, limits=Limits(minimum=0, maximum=1000, max_step=400)),
        Point("paced", 17, Table.HOLDING, 110, limits=Limits(min_interval_ns=SECOND, max_rate=5.0)),
        Point("trip", 17, Table.HOLDING, 120, kind=PointKind.SAFETY),
        Point("code", 17, Table.HOLDING, 130, kind=PointKind.SECRET),
        Point("level", 17, Table.HOLDING, 140, type=DataType.F32, limits=Limits(minimum=-5.0, maximum=5.0)),
        Point("bits", 17, Table.HOLDING, 160, limits=Limits(writable_mask=0x00FF)),
        Point("valve", 17, Table.COIL, 3, type=DataType.BOOL, limits=Limits(allowed=(0.0,))),
    ]
    ranges = tuple(Target(table, AddressRange(first, last)) for table, first, last in TIGHT)
    mine = {"clients": ("hmi",), "units": UNITS}
    rate = {"rate": Rate(3, SECOND)}
    rules = (
        Rule("hmi", services=tuple(map(Service, ALLOWED)), targets=ranges, **mine),
        Rule("watch", services=(Service(6),), targets=(_one(145),), action=Action.ALERT, **mine),
        Rule("ask", services=(Service(6),), targets=(_one(ASKED),), action=Action.HOLD, **mine),
        Rule("never", services=(Service(6),), targets=(_one(155),), action=Action.DENY, reply=1, **mine),
        Rule("calm", services=(Service(2),), targets=(Target(Table.DISCRETE, AddressRange(*RATED)),), **mine, **rate),
        Rule("soft", services=(Service(4),), targets=(), state=RuleState.OBSERVE, **mine),
        Rule("listen-only", services=(Service(8, 4),), **mine),
    )
    return Policy(digest="tight", groups=_groups(), points=tuple(points), rules=rules)


def loose_policy():
    """Return a policy that permits whatever is lawful, so that it reaches the device."""
    services = (*map(Service, range(1, 128)), *(Service(8, sub) for sub in range(22)))
    services += (*(Service(43, mei) for mei in (7, 13, 14)), *(Service(90, first) for first in range(256)))
    everything = AddressRange(0, 65535)
    tables = (Table.COIL, Table.DISCRETE, Table.INPUT, Table.HOLDING)
    targets = (*(Target(table, everything) for table in tables), *(Target(Table.FILE, everything, n) for n in (4, 5)))
    rules = (
        Rule("all", units=tuple(range(256)), services=services, targets=targets),
        Rule("bare", units=tuple(range(256)), services=services),
    )
    return Policy(digest="loose", groups=_groups(), rules=rules)


def _one(address):
    return Target(Table.HOLDING, AddressRange(address, address))


def _groups():
    return (ClientGroup("hmi", tuple(f"{address}/32" for address in STATIONS)),)


def is_permitted(meaning):
    """Say whether the tight policy may ever let a request pass: its functions, units and ranges, read plainly."""
    if meaning.unit not in (*UNITS, 255):  # to a device on TCP 255 means itself, as 0 does
        return False
    if not meaning.accesses:
        return (meaning.function, meaning.sub) == (8, 4)
    if meaning.function == 4:
        return True  # a rule without targets: reads reach every address
    if meaning.function == 2:
        return RATED[0] <= meaning.accesses[0].span.first <= meaning.accesses[0].span.last <= RATED[1]
    return meaning.function in ALLOWED and all(
        any(run.table is table and first <= run.span.first <= run.span.last <= last for table, first, last in TIGHT)
        for run in meaning.accesses
    )


def mixtures(seed):
    """Return conduits with their judges; half of them enforce."""
    rng = random.Random(f"mixtures {seed}")
    found = []
    for number in range(MIXTURES):
        quirks = () if number % 2 else tuple(rng.sample(list(QUIRKS), rng.randrange(1, 4)))
        conduit = Conduit(
            "plc1",
            "127.0.0.1",
            0,
            "10.1.0.5",
            502,
            mode=(Mode.ENFORCE, Mode.OBSERVE, Mode.ENFORCE, Mode.LEARN)[number // 2 % 4],
            policy=rng.choice((tight_policy, tight_policy, loose_policy, Policy))(),
            quirks=quirks,
            downstream=rng.choice(list(Downstream)),
            failure=rng.choice(list(FailurePolicy)),
            max_in_flight=rng.choice((1, 2, 16)),
            hold_ttl_s=rng.choice((1, 300)),
            idle_timeout_s=rng.choice((0, 20, 3600)),
            isolation=IsolationSettings(
                auto=rng.random() < 0.4, threshold=rng.choice((1, 3, 20)), seconds=5, never=rng.choice(PROTECTED)
            ),
        )
        found.append((conduit, judge_of(conduit)))
    return found


def judge_of(conduit):
    """Compile a conduit's policy."""
    return Judge(conduit.policy, serial=conduit.downstream is Downstream.SERIAL, quirks=frozenset(conduit.quirks))


def other_policy(conduit, rng):
    """Return the conduit with another policy, and its judge: what a reload brings."""
    changed = replace(conduit, policy=rng.choice((tight_policy, loose_policy, Policy))())
    return changed, judge_of(changed)


def new_guard(mixture):
    """Return a fresh guard of a mixture."""
    conduit, judge = mixture
    return Guard(conduit, judge, Run("r"))
