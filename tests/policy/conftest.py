"""One bench for all policy tests: a policy, its judge and memory, and requests as real PDUs."""

from dataclasses import dataclass, field, replace

import pytest

from icsguard.core.clock import SECOND
from icsguard.core.flow import Client
from icsguard.core.ids import AddressRange
from icsguard.core.meaning import Meaning, Table
from icsguard.core.point import DataType, Limits, Point
from icsguard.core.verdict import Verdict
from icsguard.policy.decide import Judge
from icsguard.policy.memory import Memory
from icsguard.policy.rules import ClientGroup, Policy, Rule, Service, Target
from icsguard.protocols.modbus import build
from icsguard.protocols.modbus.functions import OPERATOR
from icsguard.protocols.modbus.meaning import meaning
from icsguard.protocols.modbus.pdu import parse_request

HMI = "10.0.0.21"
STRANGER = "10.9.9.9"
START = 1_794_800_000 * SECOND


@dataclass
class Bench:
    """A judge with its memory and a clock that the test turns."""

    policy: Policy
    quirks: frozenset[str] = frozenset()
    serial: bool = False
    now: int = START
    judge: Judge = field(init=False)
    memory: Memory = field(init=False)

    def __post_init__(self):
        self.judge = Judge(self.policy, serial=self.serial, quirks=self.quirks)
        self.memory = self.judge.memory()

    def meaning(self, pdu: bytes, unit: int = 1) -> Meaning:
        request = parse_request(unit, pdu)
        assert request.defect is None
        return meaning(request)

    def ask(self, pdu: bytes, *, unit: int = 1, client: str = HMI, count: bool = True) -> Verdict:
        return self.judge.decide(Client(client), self.meaning(pdu, unit), self.memory, self.now, count=count)

    def write(self, pdu: bytes, *, unit: int = 1) -> Verdict:
        """Ask, and hand over where allowed."""
        verdict = self.ask(pdu, unit=unit)
        if verdict.decision <= 1:
            self.judge.delivered(self.meaning(pdu, unit), self.memory, self.now)
        return verdict

    def holds(self, address: int, *values: int, unit: int = 1) -> None:
        """The device says what its holding registers hold."""
        self.memory.seen(Table.HOLDING, unit, address, values, self.now)


def codes(verdict: Verdict) -> list[str]:
    return [reason.code for reason in verdict.reasons]


@pytest.fixture
def code_of():
    return codes


@pytest.fixture
def bench():
    return Bench


@pytest.fixture
def speed() -> Point:
    return Point("speed", 1, Table.HOLDING, 12, unit="rpm", limits=Limits(minimum=0, maximum=80))


@pytest.fixture
def operate() -> Rule:
    return Rule("operate", ("hmi",), (1,), tuple(sorted(Service(*s) for s in OPERATOR)), preset="operator")


@pytest.fixture
def policy_of(operate, speed):
    """Make a policy of one operator rule, with the given points or those of the bench."""

    def make(*points: Point, rules: tuple[Rule, ...] | None = None, **others) -> Policy:
        groups = (ClientGroup("hmi", (f"{HMI}/32",)), ClientGroup("eng", ("10.0.5.0/24",)))
        return Policy("d1", groups, points or (speed,), (operate,) if rules is None else rules, **others)

    return make


@pytest.fixture
def plant(policy_of) -> Bench:
    return Bench(policy_of())


@pytest.fixture
def pair():
    return Point("level", 1, Table.HOLDING, 20, DataType.F32, limits=Limits(minimum=0, maximum=5))


@pytest.fixture
def holding():
    return lambda first, last: Target(Table.HOLDING, AddressRange(first, last))


@pytest.fixture
def with_limits(speed):
    return lambda **limits: replace(speed, limits=Limits(**limits))


@pytest.fixture
def pdus():
    return build
