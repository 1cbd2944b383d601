from dataclasses import asdict

from icsguard.config.node_schema import LimitsSection, OpcuaSection
from icsguard.policy.nodes.rules import UaLimits


def test_limits_of_the_file_are_those_of_the_policy_with_the_same_defaults():
    assert asdict(UaLimits()) == LimitsSection().model_dump()


def test_an_empty_section_asks_for_signatures_and_users():
    empty = OpcuaSection()
    assert ("Sign", False, False) == (empty.security, empty.anonymous, empty.passwords_unsecured)
