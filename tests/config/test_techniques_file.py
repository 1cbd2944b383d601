from icsguard.config.techniques_file import TECHNIQUES, techniques

RULE = '[[rule]]\nid = "x"\nclients = ["eng"]\nunits = [1]\nfunctions = [90]\ntechnique = "{}"\n'


def test_the_shipped_table_is_version_18_1_and_has_names(shipped):
    text = shipped[TECHNIQUES]

    assert 'version = "18.1"' in text
    assert "Unauthorized Command Message" == techniques(text)["T0855"]
    assert 44 == len(techniques(text))


def test_a_rule_names_no_technique_that_is_not_in_the_table(told, policy_text):
    lines = told(policy=policy_text + RULE.format("T9999"))[1]

    assert ["p.toml:22: unknown technique 'T9999' (rules/attack-ics.toml lists them)"] == lines
    assert [] == told(policy=policy_text + RULE.format("T0843"))[1]


def test_without_a_table_nothing_is_known_to_be_wrong(told, texts, policy_text):
    texts.pop(TECHNIQUES)

    assert [] == told(policy=policy_text + RULE.format("T9999"))[1]
