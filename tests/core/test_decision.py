"""Decisions are ordered; the other scales have the words that people write in files."""

from icsguard.core.decision import Decision, FailurePolicy, Layer, Mode, RuleState


def test_the_worst_of_several_opinions_is_their_maximum():
    assert Decision.REFUSE == max(Decision.ALLOW, Decision.REFUSE, Decision.ALERT)


def test_decisions_rise_from_allow_to_isolate():
    rising = [Decision.ALLOW, Decision.ALERT, Decision.HOLD, Decision.REFUSE, Decision.ISOLATE]
    assert rising == sorted(Decision)


def test_modes_and_rule_states_are_the_words_of_the_configuration():
    assert ["learn", "observe", "enforce"] == [str(mode) for mode in Mode]
    assert ["off", "observe", "alert", "enforce"] == [str(state) for state in RuleState]


def test_the_first_layer_asked_is_grammar_and_the_last_is_failover():
    layers = list(Layer)
    assert (Layer.GRAMMAR, Layer.FAILOVER) == (layers[0], layers[-1])


def test_production_goes_on_by_the_first_failure_policy():
    assert ["policy_alone", "refuse"] == [str(policy) for policy in FailurePolicy]
