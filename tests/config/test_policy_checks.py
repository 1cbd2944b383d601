# ruff: noqa: E501 - a table reads best with one case a line
import pytest


def rule(name, *lines, clients='["hmi"]', units="[1]"):
    return f'[[rule]]\nid = "{name}"\nclients = {clients}\nunits = {units}\n' + "".join(f"{line}\n" for line in lines)


@pytest.mark.parametrize(
    ("extra", "line"),
    [
        (rule("x", "functions = [90]", clients='["hmii"]'), "p.toml:19: unknown client group 'hmii' (did you mean 'hmi'?)"),
        (rule("x", "functions = [5]", 'points = ["pump_sped"]'), "p.toml:22: unknown point 'pump_sped' (did you mean 'pump_speed'?)"),
        (rule("x", "functions = [22]", 'points = ["pump_speed"]', units="[2]"), "p.toml:22: the point 'pump_speed' is in unit 1, the rule holds for unit 2"),
        (rule("x", "functions = [5]", 'ranges = ["holding 1"]'), "p.toml:21: rule 'x' can never apply: its functions do not reach holding"),
        (rule("x", "functions = [3]", clients='["eng"]', units="[]") + rule("y", "functions = [3]", clients='["eng"]'), "p.toml:22: rule 'y' is never needed: rule 'x' permits all of it"),
        (rule("x", "functions = [6]", 'ranges = ["holding 12"]'), "p.toml:17: rule 'x' is never needed: rule 'pump' permits all of it"),
        (rule("x", "functions = [3]", 'ranges = ["holding 12"]'), "p.toml:17: rule 'x' is never needed: rule 'watch' permits all of it"),
        (rule("x", "functions = [3]", 'action = "deny"'), "p.toml:17: rules 'watch' (allow) and 'x' (deny) say different things of functions 3"),
        (rule("x", "functions = [6]", 'ranges = ["holding 10..20"]', 'action = "hold"', clients='["*"]'), "p.toml:17: rules 'pump' (allow) and 'x' (hold) say different things of functions 6"),
        (rule("x", "functions = [3]", 'ranges = ["holding 1"]', 'action = "alert"'), "p.toml:17: rules 'watch' (allow) and 'x' (alert)"),
    ],
)  # fmt: skip
def test_what_does_not_hold_together_is_told_at_its_line(told, policy_text, extra, line):
    lines = told(policy=policy_text + extra)[1]

    assert lines
    assert lines[0].startswith(line)


@pytest.mark.parametrize(
    "extra",
    [
        rule("x", "functions = [3]", 'action = "deny"', clients='["eng"]'),
        rule("x", "functions = [3]", 'action = "deny"', units="[2]"),
        rule("x", "functions = [6]", 'ranges = ["holding 13..20"]', 'action = "hold"'),
        rule("x", "functions = [3]", 'action = "deny"', 'state = "off"'),
        rule("x", "functions = [90]"),
        rule("x", "functions = [6]", 'ranges = ["holding 12..13"]'),
        rule("x", "functions = [3]", 'action = "deny"', 'hours = "Mon 06:00-07:00"', clients='["eng"]')
        + rule("y", "functions = [3]", 'hours = "Mon 07:00-08:00"', clients='["eng"]'),
    ],
)
def test_rules_that_do_not_meet_are_no_contradiction(told, policy_text, extra):
    assert [] == told(policy=policy_text + extra)[1]


def test_groups_that_share_an_address_meet(told, policy_text):
    text = policy_text.replace('eng = ["10.0.5.5"]', 'eng = ["10.1.0.0/16"]')
    lines = told(policy=text + rule("x", "functions = [3]", 'action = "deny"', clients='["eng"]'))[1]

    assert ["say different things" in line for line in lines] == [True]


def test_a_twin_of_a_rule_is_told_once(told, policy_text):
    twins = rule("x", "functions = [90]") + rule("y", "functions = [90]")

    assert [
        "p.toml:22: rule 'y' is never needed: rule 'x' permits all of it (remove one of them, or narrow the wider one)"
    ] == (told(policy=policy_text + twins)[1])


def test_a_rule_that_is_softer_hides_none(told, policy_text):
    soft = rule("x", "functions = [90]", 'state = "observe"') + rule("y", "functions = [90]")

    assert [line for line in told(policy=policy_text + soft)[1] if "'y' is never" in line] == []


def test_two_markings_of_one_request_contradict(told, policy_text):
    both = rule("x", "functions = [90]", 'action = "deny"') + rule("y", "functions = [90]", 'action = "hold"')

    assert ["rules 'x' (deny) and 'y' (hold)" in line for line in told(policy=policy_text + both)[1]] == [True]


def test_an_allow_of_what_a_pack_denies_by_preset_is_a_contradiction_at_the_sites_rule(told, policy_text):
    text = 'packs = ["modbus-baseline"]\n' + policy_text + rule("x", 'preset = "engineer"', clients='["eng"]')
    lines = told(policy=text)[1]

    assert lines
    assert all(line.startswith("p.toml:18: rules") for line in lines)


def test_a_rule_without_any_unit_holds_nowhere(told):
    lines = told(
        policy='[clients]\na = ["10.0.0.1"]\n' + rule("x", "functions = [3]", clients='["a"]', units="[]"),
        points="name,unit_id,table,address\n",
    )[1]

    assert ["p.toml:3: rule 'x' holds for no unit (write units = [1], or declare points)"] == lines


def test_a_writing_rule_that_can_write_nothing_is_warned_of(told):
    lines = told(
        policy='[clients]\na = ["10.0.0.1"]\n' + rule("x", 'preset = "operator"', clients='["a"]'),
        points="name,unit_id,table,address\n",
    )[1]

    assert [
        "p.toml:3: warning: rule 'x' permits writes, but no point is declared and it names no ranges: it writes nothing (name ranges, or declare points)"
    ] == lines


def test_a_range_that_no_function_of_the_rule_reaches_is_warned_of(told, policy_text):
    lines = told(policy=policy_text + rule("x", "functions = [5]", 'ranges = ["coil 1", "holding 4"]'))[1]

    assert ["p.toml:17: warning: rule 'x': no function of it reaches holding 4"] == lines


def test_points_of_an_unreadable_list_are_not_called_unknown(told, points_text):
    lines = told(points=points_text.replace("pump_speed,1", "pump_speed,x"))[1]

    assert ["p.csv:2"] == [line.split(": ")[0] for line in lines]


def test_a_grant_for_an_unknown_point_is_told(told, policy_text):
    grant = '[[grant]]\nid = "g"\nclient = "eng"\nuntil = "2026-11-21T18:00:00Z"\nreason = "r"\npoints = ["pum"]\n'

    assert told(policy=policy_text + grant)[1][0].startswith("p.toml:22: unknown point 'pum'")


def test_a_narrow_reach_does_not_contain_every_address(told, policy_text):
    narrow = rule("x", "functions = [3]", 'ranges = ["holding 0..9"]', clients='["eng"]')
    wide = rule("y", "functions = [3]", clients='["eng"]')

    assert ["'x' is never needed" in line for line in told(policy=policy_text + narrow + wide)[1]] == [True]


def test_the_comparison_of_permits_is_bounded(told, policy_text, monkeypatch):
    monkeypatch.setattr("icsguard.config.policy_checks.MAX_COMPARISONS", 3)
    twins = rule("x", "functions = [90]") + rule("y", "functions = [90]")

    assert [] == told(policy=policy_text + twins)[1]


def test_a_pack_that_contradicts_says_how_to_outrank_it(told, policy_text):
    text = 'packs = ["modbus-baseline"]\n' + policy_text + rule("x", 'preset = "engineer"', clients='["eng"]')

    assert all("name them by number: that outranks the pack modbus-baseline" in line for line in told(policy=text)[1])
