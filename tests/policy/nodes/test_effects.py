"""A method that is declared to set points is judged by the limits of those points."""

import pytest

from icsguard.core.clock import SECOND
from icsguard.core.decision import Decision, RuleState
from icsguard.core.method import Effect
from icsguard.policy.rules import Defaults
from icsguard.policy.terms import OnUnknown
from icsguard.protocols.opcua.builtin import Variant
from icsguard.protocols.opcua.messages_attribute import CallMethod, CallRequest

ALLOW, ALERT, REFUSE = Decision.ALLOW, Decision.ALERT, Decision.REFUSE
BOOLEAN, INT32 = 1, 6
STARTS = (Effect("speed", 0), Effect("run", value=1.0))


@pytest.fixture
def bench(ua):
    """Start sets the speed by its first argument and switches the pump on."""

    def made(sets=STARTS, *, points=(), defaults=None, **more):
        rule = ua.rule(methods=(f"{ua.PLANT}s=Start",), sets=sets, **more)
        known = {point.name: point for point in (ua.point("speed", minimum=0, maximum=80), ua.point("run"), *points)}
        return ua.bench(rule, points=known.values(), **({"defaults": defaults} if defaults else {}))

    return made


def test_a_points_limit_holds_on_the_argument_that_sets_it(ua, bench):
    found = bench()
    assert ALLOW is found.ask(ua.call("Start", 80.0)).decision
    judged = found.ask(ua.call("Start", 80.5))
    assert (REFUSE, ["value-above-max"]) == (judged.items[0].decision, [one.code for one in judged.items[0].reasons])
    assert "speed" == judged.items[0].reasons[0].point


def test_a_constant_is_judged_too(ua, bench):
    point = ua.point("run", maximum=0)
    assert REFUSE is bench((Effect("run", value=1.0),), points=[point]).ask(ua.call("Start")).items[0].decision


def test_a_call_without_the_argument_is_refused(ua, bench):
    judged = bench().ask(ua.call("Start"))
    assert ["argument-missing"] == [one.code for one in judged.items[0].reasons]


@pytest.mark.parametrize("value", [float("nan"), "80", None, (1.0, 2.0), ()])
def test_what_is_no_number_sets_no_point(ua, bench, value):
    kind = {str: 12, tuple: 11}.get(type(value), 11)
    given = Variant() if value is None else Variant(kind, value, isinstance(value, tuple))
    judged = bench().ask(ua.parsed(CallRequest((CallMethod(ua.node("Pump"), ua.node("Start"), (given,)),))))
    assert REFUSE is judged.items[0].decision


def test_only_on_the_named_objects(ua, bench):
    found = bench(objects=(f"{ua.PLANT}s=Pump*",))
    assert REFUSE is found.ask(ua.call("Start", 99.0, on="Pump7")).items[0].decision
    assert ["method-not-permitted"] == ua.codes(found.ask(ua.call("Start", 99.0, on="Valve")))


def test_a_method_that_nothing_is_declared_of_moves_no_point(ua):
    found = ua.bench(ua.rule(methods=(f"{ua.PLANT}s=Start",)), points=[ua.point("speed", maximum=80)])
    assert ALLOW is found.ask(ua.call("Start", 9000.0)).decision


@pytest.mark.parametrize(
    ("kind", "argument", "decision"), [(BOOLEAN, True, ALLOW), (INT32, 1, ALLOW), (11, 0.0, ALLOW), (INT32, 2, REFUSE)]
)
def test_a_switch_is_set_by_zero_and_one_of_any_type(ua, bench, kind, argument, decision):
    point = ua.point("run", node_type="Boolean", allowed=(0, 1))
    found = bench((Effect("run", 0),), points=[point])
    assert decision is found.ask(ua.call("Start", argument, kind=kind)).items[0].decision


def test_steps_and_intervals_go_on_over_calls_and_writes(ua, bench):
    point = ua.point("speed", max_step=10.0, min_interval_ns=5 * SECOND)
    found = bench((Effect("speed", 0),), points=[point])
    found.holds("speed", 20.0)
    assert ALLOW is found.ask(ua.call("Start", 30.0)).decision
    assert REFUSE is found.ask(ua.call("Start", 31.0)).items[0].decision
    found.judge.delivered(ua.call("Start", 30.0), found.memory, found.now)
    assert ["interval"] == ua.codes(found.ask(ua.write(("speed", 25.0))))
    found.now += 6 * SECOND
    assert [20.0, 30.0] == found.memory.present("speed", 60 * SECOND, found.now)
    assert ["step-too-large"] == [one.code for one in found.ask(ua.write(("speed", 40.0))).items[0].reasons]


def test_a_call_that_the_server_refused_has_moved_nothing_and_a_lost_one_nobody_knows(ua, bench):
    found = bench()
    call = ua.call("Start", 30.0)
    found.holds("speed", 20.0)
    found.judge.delivered(call, found.memory, found.now)
    found.judge.rejected(call, found.memory)
    assert [20.0] == found.memory.present("speed", 60 * SECOND, found.now)
    found.judge.delivered(call, found.memory, found.now)
    found.judge.unknown(call, found.memory)
    assert [] == found.memory.present("speed", 60 * SECOND, found.now)


def test_two_calls_of_one_request_are_two_steps(ua, bench):
    point = ua.point("speed", max_step=10.0)
    found = bench((Effect("speed", 0),), points=[point])
    found.holds("speed", 20.0)
    calls = [CallMethod(ua.node("Pump"), ua.node("Start"), (Variant(11, value),)) for value in (30.0, 20.0, 18.0)]
    judged = found.ask(ua.parsed(CallRequest(tuple(calls))))
    assert [ALLOW, ALLOW, REFUSE] == [one.decision for one in judged.items]


def test_a_safety_point_is_never_refused_over_the_moment(ua, bench):
    point = ua.point("speed", kind="safety", max_step=1.0, maximum=80)
    found = bench((Effect("speed", 0),), points=[point], defaults=Defaults(on_unknown=OnUnknown.REFUSE))
    assert ALERT is found.ask(ua.call("Start", 30.0)).decision
    assert REFUSE is found.ask(ua.call("Start", 90.0)).items[0].decision


def test_a_call_that_sets_a_secret_point_is_secret(ua, bench):
    found = bench(points=[ua.point("speed", kind="secret")])
    assert found.judge.is_secret(ua.call("Start", 30.0))
    assert not found.judge.is_secret(ua.call("Stop", 30.0))


def test_what_a_rule_that_is_off_declares_does_not_hold(ua, bench):
    rules = (
        ua.rule("old", methods=(f"{ua.PLANT}s=Start",), sets=(Effect("speed", 0),), state=RuleState.OFF),
        ua.rule(methods=(f"{ua.PLANT}s=Start",)),
    )
    assert ALLOW is ua.bench(*rules, points=[ua.point("speed", maximum=80)]).ask(ua.call("Start", 99.0)).decision
