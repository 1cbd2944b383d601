"""One bench for all tests of policy on nodes: real requests of the codec before a judge, and a clock to turn."""

from dataclasses import dataclass, field

import pytest

from icsguard.core.clock import SECOND
from icsguard.core.meaning import Meaning, Table
from icsguard.core.point import NO_REGISTER, DataType, Limits, Point, PointKind
from icsguard.policy.nodes.identity import Identity
from icsguard.policy.nodes.judge import NodeJudge
from icsguard.policy.nodes.memory import NodeMemory
from icsguard.policy.nodes.rules import NodePolicy, NodeRule
from icsguard.policy.nodes.services import OPERATOR
from icsguard.policy.nodes.verdicts import Judged
from icsguard.policy.rules import ClientGroup, Policy
from icsguard.protocols.opcua.builtin import DataValue, QualifiedName, Variant
from icsguard.protocols.opcua.headers import RequestHeader
from icsguard.protocols.opcua.meaning import Names, meaning
from icsguard.protocols.opcua.messages_attribute import (
    CallMethod,
    CallRequest,
    ReadRequest,
    ReadValueId,
    WriteRequest,
    WriteValue,
)
from icsguard.protocols.opcua.nodes import NodeId
from icsguard.protocols.opcua.services import build_request, parse_request

START = 1_794_800_000 * SECOND
HMI = Identity("10.0.0.21", user="anna", policy="http://opcfoundation.org/UA/SecurityPolicy#Basic256Sha256", mode=3)
STRANGER = HMI._replace(address="10.9.9.9")
PLANT = "nsu=urn:plant;"
NAMES = Names(("http://opcfoundation.org/UA/", "urn:server", "urn:plant"))
DOUBLE = 11


def point(name: str, node: str = "", **limits) -> Point:
    kind = limits.pop("kind", "normal")
    node_type = limits.pop("node_type", "")
    return Point(
        name,
        0,
        Table.HOLDING,
        NO_REGISTER,
        DataType.F64,
        unit="rpm",
        limits=Limits(**limits),
        kind=PointKind(kind),
        node=node or f"{PLANT}s={name}",
        node_type=node_type,
    )


def node(name: str, namespace: int = 2) -> NodeId:
    return NodeId(namespace, "s", name)


def parsed(parameters) -> Meaning:
    """Return the meaning of a request that went through the codec."""
    request = parse_request(build_request(RequestHeader(), parameters))
    assert request.defect is None, request.defect
    return meaning(request, NAMES)


def write(*items, kind: int = DOUBLE, attribute: int = 13, index_range: str | None = None, **stamps) -> Meaning:
    """Return a Write of (name, value) pairs."""
    values = [
        WriteValue(
            name if isinstance(name, NodeId) else node(name),
            attribute,
            index_range,
            DataValue(Variant(kind, value, isinstance(value, tuple)), **stamps),
        )
        for name, value in items
    ]
    return parsed(WriteRequest(tuple(values)))


def read(*names, attribute: int = 13) -> Meaning:
    ids = [name if isinstance(name, NodeId) else node(name) for name in names]
    return parsed(ReadRequest(0.0, 0, tuple(ReadValueId(one, attribute, None, QualifiedName()) for one in ids)))


def call(method: str, *arguments, on: str = "Pump", kind: int = DOUBLE) -> Meaning:
    given = tuple(Variant(kind, argument) for argument in arguments)
    return parsed(CallRequest((CallMethod(node(on), node(method), given),)))


@dataclass
class Bench:
    """A judge with its memory and a clock that the test turns."""

    policy: Policy
    now: int = START
    judge: NodeJudge = field(init=False)
    memory: NodeMemory = field(init=False)

    def __post_init__(self):
        self.judge = NodeJudge(self.policy)
        self.memory = self.judge.memory()

    def ask(self, request: Meaning, who: Identity = HMI, *, count: bool = True) -> Judged:
        return self.judge.decide(who, request, self.memory, self.now, count=count)

    def send(self, request: Meaning) -> Judged:
        """Ask, and hand over where everything is allowed; the server says Good."""
        judged = self.ask(request)
        if judged.decision <= 1:
            self.judge.delivered(request, self.memory, self.now)
            for change in request.node_changes:
                self.memory.seen(request.nodes[change.place].node, change.values[0], self.now)
        return judged

    def holds(self, name: str, value: float) -> None:
        self.memory.seen(f"{PLANT}s={name}", value, self.now)


class Ua:
    """What tests of this folder share."""

    Bench, point, node, write, read, call, parsed = Bench, *map(staticmethod, (point, node, write, read, call, parsed))
    HMI, STRANGER, PLANT, START, NAMES = HMI, STRANGER, PLANT, START, NAMES

    @staticmethod
    def policy(*rules: NodeRule, points=(), **more) -> Policy:
        plain = {key: more.pop(key) for key in ("grants", "defaults") if key in more}
        groups = (ClientGroup("hmi", ("10.0.0.21/32",)), ClientGroup("engineers", ("10.0.5.0/24",)))
        return Policy(groups=groups, opcua=NodePolicy(rules=rules, points=tuple(points), **more), **plain)

    @classmethod
    def bench(cls, *rules: NodeRule, points=(), **more) -> Bench:
        return Bench(cls.policy(*rules, points=points, **more))

    @staticmethod
    def rule(name: str = "operate", **more) -> NodeRule:
        return NodeRule(name, **{"clients": ("hmi",), "services": tuple(sorted(OPERATOR)), **more})

    @staticmethod
    def codes(judged) -> list[str]:
        return [reason.code for reason in judged.reasons]


@pytest.fixture
def ua() -> type[Ua]:
    return Ua
