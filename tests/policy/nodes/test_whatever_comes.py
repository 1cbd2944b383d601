"""Whatever a request means, the judge answers: one verdict a node, and nothing written that no rule can name."""

import math

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from icsguard.core.decision import Decision
from icsguard.core.meaning import Intent, Meaning, NodeAccess, NodeChange
from icsguard.core.method import Effect
from icsguard.policy.nodes.places import is_resolved
from icsguard.policy.nodes.services import NEVER, VALUE
from icsguard.protocols.opcua.builtin import TYPE_NAMES
from icsguard.protocols.opcua.services import SERVICES

NODES = st.sampled_from(
    [
        "nsu=urn:plant;s=Speed", "nsu=urn:plant;s=Level", "nsu=urn:plant;s=Pump.1", "ns=2;s=Speed", "ns=9999;i=1", "?",
        "i=2258", "i=2274", "svr=1;nsu=urn:plant;s=Speed", "nsu=urn:plant;s=speed", "nsu=urn:PLANT;s=Speed", "",
    ]
)  # fmt: skip
VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**63), 2**64), st.floats(), st.text(max_size=5), st.just(math.nan)
)
TYPES = st.one_of(st.sampled_from(sorted(TYPE_NAMES.values())), st.just(""), st.just("Double[]"), st.just("Float[2,2]"))
ACCESSES = st.builds(
    NodeAccess, st.sampled_from(Intent), NODES, st.sampled_from([0, 1, 13, 14, 99]), st.sampled_from(["", "0:1"]), NODES
)


@st.composite
def meanings(draw):
    nodes = tuple(draw(st.lists(ACCESSES, max_size=5)))
    changes = tuple(
        NodeChange(
            place,
            draw(TYPES),
            tuple(draw(st.lists(VALUES, max_size=3))),
            draw(st.booleans()),
            draw(st.sampled_from([-1, 0, 1])),
        )
        for place in range(len(nodes))
    )
    number = draw(st.sampled_from([*SERVICES, 0, 9999]))
    intent = SERVICES[number].intent if number in SERVICES else Intent.UNKNOWN
    nodes = tuple(one._replace(intent=intent) for one in nodes)
    return Meaning(intent, number, -1, 0, (), (), b"", nodes, changes)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(meaning=meanings())
def test_every_request_has_its_verdicts(ua, meaning):
    every = tuple(SERVICES)
    points = [ua.point("Speed", minimum=0, maximum=80, max_step=10), ua.point("Level", kind="safety")]
    bench = ua.bench(
        ua.rule(services=every, nodes=(f"{ua.PLANT}s=Pump.*",)), ua.rule("p", services=every), points=points
    )
    judged = bench.ask(meaning)
    assert len(meaning.nodes) == len(judged.items)
    if meaning.function in NEVER or meaning.function not in SERVICES:
        assert Decision.REFUSE is judged.decision
    for access, item in zip(meaning.nodes, judged.items, strict=True):
        if access.intent in {Intent.WRITE, Intent.ADMINISTER, Intent.EXECUTE} and item.decision < Decision.REFUSE:
            assert is_resolved(access.node)
            assert access.intent is not Intent.EXECUTE  # no rule names a method
            assert access.node.startswith("nsu=urn:plant;s=Pump.") or access.intent is Intent.WRITE
            assert VALUE == access.attribute or access.intent is Intent.ADMINISTER
    bench.judge.delivered(meaning, bench.memory, bench.now)
    bench.judge.unknown(meaning, bench.memory)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(meaning=meanings())
def test_whatever_is_handed_to_declared_methods_is_judged(ua, meaning):
    calls = meaning._replace(
        intent=Intent.EXECUTE,
        function=712,
        nodes=tuple(one._replace(intent=Intent.EXECUTE, node=f"{ua.PLANT}s=Start") for one in meaning.nodes),
    )
    points = [ua.point("Speed", minimum=0, maximum=80, max_step=10), ua.point("Run", node_type="Boolean")]
    sets = (Effect("Speed", 0), Effect("Run", 1))
    bench = ua.bench(ua.rule(services=(712,), methods=(f"{ua.PLANT}s=Start",), sets=sets), points=points)
    bench.holds("Speed", 40.0)
    judged = bench.ask(calls)
    assert [Decision.REFUSE] * len(calls.nodes) == [item.decision for item in judged.items]  # one argument is missing
    bench.judge.delivered(calls, bench.memory, bench.now)
    bench.judge.unknown(calls, bench.memory)
    assert not calls.nodes or [] == bench.memory.present("Speed", 10**12, bench.now)
