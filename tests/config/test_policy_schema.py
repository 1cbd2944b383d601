import pytest
from pydantic import ValidationError

from icsguard.config.policy_schema import CaseSection, DefaultsSection, GrantSection, RuleSection


def test_a_rule_names_its_clients():
    with pytest.raises(ValidationError):
        RuleSection(id="a", functions=[3])
    with pytest.raises(ValidationError):
        RuleSection(id="a", clients=[], functions=[3])


@pytest.mark.parametrize(
    "wrong", [{"reply": 5}, {"action": "drop"}, {"state": "on"}, {"technique": "T1"}, {"id": "a b"}]
)
def test_words_and_codes_outside_the_lists_are_refused(wrong):
    with pytest.raises(ValidationError):
        RuleSection(**{"id": "a", "clients": ["*"], **wrong})


def test_the_default_deny_cannot_be_switched_off():
    with pytest.raises(ValidationError):
        DefaultsSection(state="off")


def test_every_key_of_a_policy_has_a_sentence():
    for model in (RuleSection, GrantSection, CaseSection, DefaultsSection):
        assert all(field.description for field in model.model_fields.values())
