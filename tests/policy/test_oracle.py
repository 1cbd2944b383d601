"""The compiled judge against a plain, slow reading of the same rules."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from icsguard.core.decision import Decision, RuleState
from icsguard.core.flow import Client
from icsguard.core.ids import AddressRange
from icsguard.core.meaning import Intent, Table
from icsguard.core.point import DataType, Limits, Point
from icsguard.policy.rules import Action, Rate, Rule, Service, Target
from icsguard.protocols.modbus import build
from icsguard.protocols.modbus.meaning import meaning
from icsguard.protocols.modbus.pdu import parse_request

CLIENTS = {"10.0.0.21": {"hmi"}, "10.0.5.9": {"eng"}, "10.9.9.9": set()}
POINTS = (
    Point("a", 1, Table.HOLDING, 2, limits=Limits(maximum=50)),
    Point("b", 1, Table.HOLDING, 4, DataType.U32),
    Point("c", 2, Table.HOLDING, 3),
)
FUNCTIONS = (3, 6, 16, 23)

targets = st.lists(
    st.tuples(st.integers(0, 8), st.integers(0, 4)).map(lambda at: Target(Table.HOLDING, AddressRange(at[0], sum(at)))),
    max_size=2,
).map(tuple)
rules = st.lists(
    st.builds(
        Rule,
        id=st.uuids().map(str),
        clients=st.sampled_from([(), ("hmi",), ("eng",), ("hmi", "eng")]),
        units=st.sampled_from([(), (1,), (2,), (1, 2)]),
        services=st.lists(st.sampled_from(FUNCTIONS).map(Service), min_size=1, max_size=3, unique=True).map(tuple),
        targets=targets,
        points=st.sampled_from([(), ("a",), ("b", "c")]),
        action=st.sampled_from([Action.ALLOW, Action.ALLOW, Action.ALLOW, Action.DENY, Action.HOLD]),
        state=st.sampled_from([RuleState.ENFORCE, RuleState.ENFORCE, RuleState.OFF]),
    ),
    max_size=6,
).map(tuple)
requests = st.one_of(
    st.builds(build.read, st.just(3), st.integers(0, 9), st.integers(1, 4)),
    st.builds(build.write_register, st.integers(0, 9), st.just(7)),
    st.builds(build.write_registers, st.integers(0, 9), st.lists(st.just(7), min_size=1, max_size=4)),
    st.builds(
        lambda first, into, values: build.read_write(first, 2, into, values),
        st.integers(0, 9),
        st.integers(0, 9),
        st.lists(st.just(7), min_size=1, max_size=3),
    ),
)


def reached(rule, unit, intent):
    """Return the elements of the holding table that a rule reaches, None for every one."""
    if not (rule.targets or rule.points):
        if intent is Intent.READ:
            return set(range(65_536))
        return {at for point in POINTS if point.unit_id == unit for at in range(point.address, point.last_address + 1)}
    spans = [target.span for target in rule.targets]
    named = [point for point in POINTS if point.name in rule.points and point.unit_id == unit]
    spans += [AddressRange(point.address, point.last_address) for point in named]
    return {at for span in spans for at in range(span.first, span.last + 1)}


def plain_reading(found, client, unit, meaning):
    """Judge without any of the judge's short cuts."""
    mine = [
        rule
        for rule in found
        if rule.state is not RuleState.OFF
        and (not rule.clients or CLIENTS[client] & set(rule.clients))
        and (not rule.units or unit in rule.units)
        and Service(meaning.function) in rule.services
    ]
    worst = Decision.ALLOW
    for access in meaning.accesses:
        elements = set(range(access.span.first, access.span.last + 1))
        permits = [rule for rule in mine if rule.action is not Action.DENY]
        if not elements <= set().union(*[reached(rule, unit, access.intent) for rule in permits]):
            return Decision.REFUSE
        for rule in mine:
            everywhere = not (rule.targets or rule.points)
            if rule.action is not Action.ALLOW and (everywhere or elements & reached(rule, unit, access.intent)):
                worst = max(worst, rule.action.decision)
    written = {at for change in meaning.changes for at in range(change.span.first, change.span.last + 1)}
    halves = written & {4, 5} if unit == 1 else set()
    return Decision.REFUSE if len(halves) == 1 else worst


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300, deadline=None)
@given(rules, st.sampled_from(sorted(CLIENTS)), st.sampled_from([1, 2]), requests)
def test_the_judge_says_what_the_rules_say(bench, policy_of, found, client, unit, request_bytes):
    cell = bench(policy_of(*POINTS, rules=found))
    expected = plain_reading(found, client, unit, cell.meaning(request_bytes, unit))

    assert expected is cell.ask(request_bytes, unit=unit, client=client).decision
    assert expected is cell.ask(request_bytes, unit=unit, client=client).decision


WEIRD = (
    *POINTS,
    Point("word", 1, Table.HOLDING, 20, limits=Limits(maximum=9, max_step=3, max_rate=1, writable_mask=0xFF)),
    Point("bit", 1, Table.COIL, 0, DataType.BOOL, limits=Limits(allowed=(1.0,)), overlaps=("word.2",)),
    Point("real", 1, Table.HOLDING, 30, DataType.F32, atomic=False, limits=Limits(minimum=-1, max_step=1)),
    Point("digits", 1, Table.HOLDING, 40, DataType.BCD16, limits=Limits(maximum=50, min_interval_ns=5)),
)
EVERYTHING = tuple(Service(function) for function in range(1, 128)) + tuple(Service(8, sub) for sub in range(25))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.binary(min_size=1, max_size=20),
            st.builds(build.mask_write, st.integers(0, 45), st.integers(0, 65535), st.integers(0, 65535)),
            st.builds(
                build.write_registers, st.integers(0, 45), st.lists(st.integers(0, 65535), min_size=1, max_size=5)
            ),
            st.builds(build.write_coils, st.integers(0, 3), st.lists(st.integers(0, 1), min_size=1, max_size=5)),
        ),
        max_size=5,
    ),
    st.integers(0, 255),
    st.booleans(),
)
def test_no_request_makes_the_judge_raise_and_no_memory_grows(bench, policy_of, pdus, unit, serial):
    wide = Target(Table.HOLDING, AddressRange(0, 65535)), Target(Table.COIL, AddressRange(0, 65535))
    rule = Rule("all", (), (0, 1, 2), EVERYTHING, targets=wide, rate=Rate(3, 1_000), maximum=70)
    cell = bench(policy_of(*WEIRD, rules=(rule,)), serial=serial, quirks=frozenset({"mask_or_variant"}))
    for pdu in pdus:
        request = parse_request(unit, pdu)
        verdict = cell.judge.decide(Client("10.0.0.21"), meaning(request), cell.memory, cell.now)
        cell.judge.delivered(meaning(request), cell.memory, cell.now)
        cell.now += 1

        assert all(reason.text and reason.code for reason in verdict.reasons)
        assert (verdict.reply > 0) is (verdict.decision >= Decision.HOLD)
    assert len(cell.memory.known()) <= 10
