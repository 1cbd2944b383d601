import tomllib
from pathlib import Path

import pytest

from icsguard.config.policy_tests import run_cases, run_pack

RULES = Path(__file__).parents[2] / "rules"


def cases(policy, *texts, **conduit):
    results, problems = run_cases("".join(f"[[case]]\n{text}\n" for text in texts), "t.toml", policy, **conduit)
    assert () == problems
    return results


CLIENT = 'client = "10.0.0.21"\n'


@pytest.mark.parametrize(
    "text",
    [
        'request = "write pump_speed = 80"\nexpect = "allow"\nrule = "pump"',
        'request = "write pump_speed = 80.1"\nexpect = "refuse"\nreply = 3\nrule = "pump_speed"',
        'request = "write holding 12 = 801 unit 1 with 16"\nexpect = "refuse"',
        'hex = "0001 0000 0006 01 06 000C 0321"\nexpect = "refuse"\nreason = "value-above-max"',
        'hex = "0001 0000 0006 01 03 0000 0000"\nexpect = "refuse"\nreply = 3',
        'request = "read holding 0..9 unit 1"\nexpect = "allow"\nrule = "watch"',
    ],
)
def test_a_case_that_holds_passes(policy, text):
    assert [True] == [result.passed for result in cases(policy(), CLIENT + text)]


@pytest.mark.parametrize(
    "text",
    [
        'request = "write pump_speed = 80.1"\nexpect = "allow"',
        'request = "write pump_speed = 80.1"\nexpect = "refuse"\nreason = "interval"',
        'request = "write pump_speed = 80.1"\nexpect = "refuse"\nreply = 2',
        'request = "write pump_speed = 80.1"\nexpect = "refuse"\nrule = "other"',
    ],
)
def test_a_case_that_does_not_hold_fails_and_says_what_came(policy, text):
    result = cases(policy(), CLIENT + text)[0]

    assert not result.passed
    assert "value-above-max: pump_speed (unit 1 holding 12 (40013)) would be 80.1 rpm" in result.got


def test_known_values_and_the_time_of_day_count(policy, policy_text, points_text):
    made = policy(
        policy_text.replace('points = ["pump_speed"]', 'points = ["pump_speed"]\nhours = "Mon 06:00-13:00"'),
        points_text.replace("0,80,", "0,80,5"),
    )
    write = CLIENT + 'request = "write pump_speed = 10"\n'

    assert [True] * 4 == [
        result.passed
        for result in cases(
            made,
            write + 'expect = "refuse"\nreason = "value-unknown"',
            write + 'expect = "allow"\npresent = { pump_speed = 5 }',
            write + 'expect = "refuse"\nreason = "step-too-large"\npresent = { "holding 12" = 40 }',
            write
            + 'expect = "refuse"\nreason = "outside-hours"\npresent = { pump_speed = 5 }\nat = "2026-01-05T13:00:00Z"',
        )
    ]


def test_quirks_of_the_conduit_count(policy):
    case = CLIENT + 'request = "write holding 12 = 801 unit 9"\nexpect = "refuse"\nreason = "value-above-max"'

    assert not cases(policy(), case)[0].passed
    assert cases(policy(), case, quirks=frozenset({"unit_ignored"}))[0].passed


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('expect = "allow"', "write either `request` in words or `hex`"),
        ('hex = "00"\nexpect = "allow"', "must be exactly one ADU"),
        ('hex = "0001 0000 0000 01"\nexpect = "allow"', "must be exactly one ADU"),
        ('hex = "zz"\nexpect = "allow"', "hexadecimal"),
        ('request = "read holding 1"\nexpect = "allow"', "names no unit"),
        ('request = "read holding 1 unit 1"\nexpect = "allow"\npresent = { "holding 1" = 1.5 }', "a whole number"),
        ('request = "read holding 1 unit 1"\nexpect = "deny"', "'case[1].expect'"),
    ],
)
def test_a_faulty_case_has_its_line(policy, text, problem):
    results, problems = run_cases(f"\n[[case]]\n{CLIENT}{text}\n", "t.toml", policy())

    assert () == results
    assert problem in str(problems[0])
    assert "t.toml" == problems[0].file
    assert problems[0].line >= 2


def test_a_client_is_one_address(policy):
    _, problems = run_cases(
        '[[case]]\nclient = "hmi"\nrequest = "read coil 1 unit 1"\nexpect = "allow"\n', "t", policy()
    )

    assert "is no address" in str(problems[0])


@pytest.mark.parametrize("pack", sorted(RULES.glob("*-baseline.toml")), ids=lambda file: file.stem)
def test_every_rule_of_a_shipped_pack_has_a_case_that_holds(pack):
    results, problems = run_pack(pack.read_text(), pack.name)
    named = {
        result.expected.split()[-1] if "0x" not in result.expected else result.expected.split()[1] for result in results
    }

    assert () == problems
    assert [] == [result for result in results if not result.passed]
    rules = {line.split('"')[1] for line in pack.read_text().split("\n") if line.startswith('id = "')}
    assert set() == rules - named


def test_a_pack_with_a_wrong_case_is_told():
    text = (RULES / "modbus-baseline.toml").read_text().replace('request = "function 8/1 0000 unit 1"', 'request = "x"')

    assert "case a restart is named" in str(run_pack(text, "p")[1][0])


def test_the_methods_of_the_pack_for_nodes_are_those_of_the_standard():
    ids = vars(pytest.importorskip("asyncua").ua.ObjectIds)
    names = {number: name for name, number in ids.items() if isinstance(number, int)}
    pack = tomllib.loads((RULES / "opcua-baseline.toml").read_text())
    methods = {rule["id"]: [names[int(one[2:])] for one in rule.get("methods", [])] for rule in pack["opcua"]["rule"]}
    words = {
        "ua-condition-refresh": "ConditionRefresh",
        "ua-server-state": "RequestServerStateChange",
        "ua-other-subscriptions": "GetMonitoredItems ResendData",
        "ua-files": "File",
        "ua-trust-lists": "TrustList ServerConfiguration",
        "ua-roles": "AddRole RemoveRole AddIdentity RoleSet RoleType",
    }
    assert set(words) == {rule for rule, found in methods.items() if found}
    assert all(any(word in name for word in words[rule].split()) for rule, found in methods.items() for name in found)
