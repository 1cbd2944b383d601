import json

import pytest

from icsguard.control.replies import FailureCode
from icsguard.control.requests import Reload

POINTS = "name,unit_id,table,address,scale,unit,min,max\npump_speed,1,holding,12,1,rpm,0,80\n"
POLICY = """[clients]
hmi = ["10.0.0.21"]
[[rule]]
id = "hmi-reads"
clients = ["hmi"]
units = [1]
functions = [3]
ranges = ["holding 0..39"]
[[rule]]
id = "hmi-sets-speed"
clients = ["hmi"]
units = [1]
functions = [6, 16]
points = ["pump_speed"]
"""
CASES = """[[case]]
name = "the pump may turn slowly"
client = "10.0.0.21"
request = "write pump_speed = 79"
expect = "allow"
[[case]]
name = "and not fast"
client = "10.0.0.21"
request = "write holding 12 = 9000 unit 1 with 16"
expect = "refuse"
[[case]]
name = "a stranger reads nothing"
client = "10.0.0.66"
request = "read holding 0..9 unit 1"
expect = "refuse"
"""
MAIN = """[gateway]
state = "state"
run = "run"
[conduit.plc1]
listen = "127.0.0.1:1502"
device = "10.0.0.1:502"
mode = "enforce"
policy = "plc1.policy.toml"
points = "plc1.points.csv"
"""


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A folder with a configuration, its policy, its points and their cases."""
    for name, text in (
        ("icsguard.toml", MAIN), ("plc1.policy.toml", POLICY), ("plc1.points.csv", POINTS), ("cases.toml", CASES),
    ):  # fmt: skip
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ICSGUARD_CONFIG", raising=False)
    return tmp_path


def change(file, old, new):
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def test_a_policy_without_errors_says_so(icsguard, site):
    assert 0 == icsguard("policy", "check").code
    assert 0 == icsguard("policy", "check", "plc1.policy.toml", "--points", "plc1.points.csv").code


def test_every_error_of_policy_and_points_is_shown_with_file_line_and_hint(icsguard, site):
    change(site / "plc1.policy.toml", 'points = ["pump_speed"]', 'points = ["pump_spede"]')
    change(site / "plc1.policy.toml", "functions = [3]", "functions = [300]")
    change(site / "plc1.points.csv", ",0,80", ",0,80000")
    ended = icsguard("policy", "check")
    assert 4 == ended.code
    for expected in ("plc1.policy.toml:7:", "300", "plc1.policy.toml:14:", "pump_speed", "plc1.points.csv:2:", "80000"):
        assert expected in ended.out


def test_problems_are_json_where_asked_for(icsguard, site):
    change(site / "plc1.policy.toml", "functions = [3]", "function = [3]")
    data = json.loads(icsguard("policy", "check", "--json").out)
    assert data["errors"] >= 1
    assert 7 in {problem["line"] for problem in data["problems"]}


def test_cases_run_through_the_real_judge(icsguard, site):
    ended = icsguard("policy", "test", "cases.toml")
    assert (0, "3 of 3 cases as expected\n") == (ended.code, ended.out)


def test_a_case_that_differs_says_what_came_instead(icsguard, site):
    change(site / "cases.toml", 'expect = "allow"', 'expect = "refuse"')
    ended = icsguard("policy", "test", "cases.toml")
    assert 4 == ended.code
    for expected in (
        "cases.toml:1: the pump may turn slowly",
        "expected refuse",
        "got      allow by hmi-sets-speed",
        "2 of 3",
    ):
        assert expected in ended.out


def test_a_policy_file_is_tested_without_a_configuration(icsguard, site):
    arguments = ("--policy", "plc1.policy.toml", "--points", "plc1.points.csv", "--json")
    data = json.loads(icsguard("policy", "test", "cases.toml", *arguments).out)
    assert (3, 0, []) == (len(data["cases"]), data["failed"], data["problems"])


def test_a_case_that_makes_no_sense_is_a_problem_and_no_pass(icsguard, site):
    change(site / "cases.toml", 'request = "write pump_speed = 79"', 'request = "please"')
    ended = icsguard("policy", "test", "cases.toml")
    assert 4 == ended.code
    assert "cases.toml:1" in ended.out


def test_an_unknown_conduit_names_those_there_are(icsguard, site):
    ended = icsguard("policy", "test", "cases.toml", "--conduit", "plc9")
    assert 2 == ended.code
    assert "plc1" in ended.err


def test_equal_policies_permit_the_same(icsguard, site):
    ended = icsguard("policy", "diff", "plc1.policy.toml", "plc1.policy.toml", "--points", "plc1.points.csv")
    assert (0, "both permit the same\n") == (ended.code, ended.out)


def test_a_difference_is_told_in_words_with_its_direction(icsguard, site):
    (site / "new.toml").write_text(POLICY.replace("holding 0..39", "holding 0..49"))
    ended = icsguard("policy", "diff", "plc1.policy.toml", "new.toml", "--points", "plc1.points.csv")
    assert 4 == ended.code
    assert ended.out.startswith("+ ")
    assert "40..49" in ended.out
    data = json.loads(
        icsguard("policy", "diff", "plc1.policy.toml", "new.toml", "--points", "plc1.points.csv", "--json").out
    )
    assert ["permits"] == [difference["effect"] for difference in data["differences"]]


def test_a_broken_policy_is_not_compared(icsguard, site):
    (site / "new.toml").write_text("[[rule]]\n")
    ended = icsguard("policy", "diff", "plc1.policy.toml", "new.toml", "--points", "plc1.points.csv")
    assert 1 == ended.code
    assert "new.toml:1" in ended.err


def test_a_missing_file_is_one_line(icsguard, site):
    ended = icsguard("policy", "check", "none.toml")
    assert 1 == ended.code
    assert "there is no such file" in ended.err


def test_applying_checks_first_and_then_asks_the_gateway(icsguard, site, gateway, typing):
    typing("apply")
    ended = icsguard("policy", "apply", "-r", "wider")
    assert 0 == ended.code
    assert "plc1: 2 rules" in ended.err
    assert [Reload(reason="wider")] == gateway.asked


def test_a_policy_with_errors_never_reaches_the_gateway(icsguard, site, gateway):
    change(site / "plc1.policy.toml", "functions = [3]", "functions = [300]")
    assert 1 == icsguard("policy", "apply", "-r", "x", "--yes").code
    assert [] == gateway.asked


def test_a_gateway_that_keeps_the_old_policy_says_why(icsguard, site, gateway, failing):
    failing("Reload", FailureCode.REFUSED, "the old policy stays in force", "icsguard policy check")
    ended = icsguard("policy", "apply", "-r", "x", "--yes")
    assert 1 == ended.code
    assert "the old policy stays in force" in ended.err


def test_a_dry_run_reaches_nobody(icsguard, site, gateway):
    assert 0 == icsguard("policy", "apply", "-r", "x", "--dry-run").code
    assert [] == gateway.asked
