"""What one item weighs, where the judge's own tests do not reach."""

from icsguard.core.decision import Decision, RuleState
from icsguard.policy.nodes.codes import CODES
from icsguard.policy.nodes.rules import Argument
from icsguard.policy.nodes.weighing import NEVER_ON_SAFETY
from icsguard.policy.terms import Action

ALLOW, REFUSE = Decision.ALLOW, Decision.REFUSE


def test_rules_share_the_nodes_of_a_request(ua):
    bench = ua.bench(ua.rule("a", nodes=(f"{ua.PLANT}s=A",)), ua.rule("b", nodes=(f"{ua.PLANT}s=B",)))
    judged = bench.ask(ua.write(("A", 1.0), ("B", 1.0)))
    assert (ALLOW, "a, b") == (judged.decision, judged.rule)


def test_a_rule_that_permits_outweighs_one_that_would_with_a_breach(ua):
    narrow = ua.rule("narrow", nodes=(f"{ua.PLANT}s=A",), maximum=5)
    wide = ua.rule("wide", nodes=(f"{ua.PLANT}s=A",), maximum=9)
    bench = ua.bench(narrow, wide)
    assert "wide" == bench.ask(ua.write(("A", 7.0))).rule
    assert ["value-outside-rule"] == ua.codes(bench.ask(ua.write(("A", 10.0))))


def test_a_rule_may_choose_its_answer_and_technique(ua):
    rule = ua.rule(reply=0x80360000, technique="T0831")
    judged = ua.bench(rule, points=[ua.point("A", maximum=5)]).ask(ua.write(("A", 6.0)))
    reason = judged.items[0].reasons[0]
    assert (0x80360000, "T0831", "operate") == (judged.items[0].reply, reason.technique, reason.rule)


def test_a_deny_rule_with_methods_denies_those_calls_alone(ua):
    permit = ua.rule(methods=(f"{ua.PLANT}s=Start", f"{ua.PLANT}s=Stop"))
    deny = ua.rule("no", action=Action.DENY, methods=(f"{ua.PLANT}s=Stop",))
    bench = ua.bench(permit, deny)
    assert [ALLOW, REFUSE] == [bench.ask(ua.call(name)).decision for name in ("Start", "Stop")]


def test_what_would_be_told_of_a_stranger_is_escaped(ua):
    judged = ua.bench(ua.rule(nodes=(f"{ua.PLANT}s=A",))).ask(ua.read("B\x1b[2J\n"))
    assert all("\x1b" not in reason.text and "\n" not in reason.text for reason in judged.reasons)


def test_a_rule_that_only_observes_does_not_soften_another(ua):
    soft = ua.rule("soft", nodes=(f"{ua.PLANT}s=A",), state=RuleState.OBSERVE, maximum=1)
    hard = ua.rule("hard", nodes=(f"{ua.PLANT}s=B",), maximum=1)
    judged = ua.bench(soft, hard).ask(ua.write(("A", 5.0), ("B", 5.0)))
    assert [ALLOW, REFUSE] == [item.decision for item in judged.items]


def test_several_breaches_of_arguments_tell_the_first(ua):
    rule = ua.rule(methods=(f"{ua.PLANT}s=Set",), arguments=(Argument(0, 0, 1), Argument(1, 0, 1)))
    assert ["argument-outside"] == ua.codes(ua.bench(rule).ask(ua.call("Set", 5.0, 5.0)))


def test_what_never_stops_a_safety_point_is_a_known_reason():
    assert set(CODES) >= NEVER_ON_SAFETY
