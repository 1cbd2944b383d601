from icsguard.core.decision import Decision, Layer, RuleState
from icsguard.core.verdict import Reason, Verdict
from icsguard.policy.case import Ground
from icsguard.policy.nodes.verdicts import Judged, summed

ALLOW, ALERT, HOLD, REFUSE = Decision.ALLOW, Decision.ALERT, Decision.HOLD, Decision.REFUSE


def ground(decision=REFUSE, state=RuleState.ENFORCE, reply=7):
    return Ground(Reason(Layer.POLICY, "code", "text", decision, reply=reply), state)


def test_no_ground_allows_as_long_as_it_lasts():
    assert Verdict(ALLOW, ALLOW, cacheable_until=9, rule="r") == summed([], 9, "r")


def test_the_worst_ground_decides_and_answers():
    found = summed([ground(ALERT, reply=1), ground(reply=2), ground(HOLD)], 0, "r")
    assert (REFUSE, REFUSE, 2) == (found.decision, found.would_be, found.reply)


def test_a_hold_is_busy_and_a_refusal_without_an_answer_is_denied():
    assert 0x80EE0000 == summed([ground(HOLD)], 0, "").reply
    assert 0x801F0000 == summed([ground(reply=0)], 0, "").reply


def test_a_softened_ground_says_what_would_be():
    found = summed([ground(state=RuleState.OBSERVE)], 0, "")
    assert (ALLOW, REFUSE, 0) == (found.decision, found.would_be, found.reply)


def test_verdicts_together_are_as_bad_as_the_worst_and_last_as_long_as_the_shortest():
    good, bad = summed([], 9, "a"), summed([ground()], 5, "b")
    judged = Judged(good, (good, bad, bad))
    assert (REFUSE, REFUSE, 5, "a, b") == (judged.decision, judged.would_be, judged.cacheable_until, judged.rule)
    assert 1 == len(judged.reasons)


def test_a_long_list_of_rules_is_counted():
    items = tuple(summed([], 0, str(number)) for number in range(6))
    assert "0, 1, 2, 3 and 2 more" == Judged(items[0], items).rule
