import pytest

from icsguard.core.decision import Decision
from icsguard.policy import rules
from icsguard.policy.terms import Action, OnUnknown, Rate, Window


@pytest.mark.parametrize(
    ("decision", "action"),
    [
        (Decision.ALLOW, Action.ALLOW),
        (Decision.ALERT, Action.ALERT),
        (Decision.HOLD, Action.HOLD),
        (Decision.REFUSE, Action.DENY),
    ],
)
def test_each_action_asks_for_its_decision(decision, action):
    assert decision is action.decision


def test_the_terms_of_all_protocols_are_those_of_register_rules():
    assert (Action, OnUnknown, Rate, Window) == (rules.Action, rules.OnUnknown, rules.Rate, rules.Window)
