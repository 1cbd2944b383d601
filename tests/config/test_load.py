from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from icsguard.config.load import check, check_file, load, referenced
from icsguard.config.problem import Problems
from icsguard.config.settings import Settings
from icsguard.core.decision import Decision, Mode
from icsguard.core.flow import Client
from icsguard.policy.decide import Judge
from icsguard.protocols.modbus import build
from icsguard.protocols.modbus.meaning import meaning
from icsguard.protocols.modbus.pdu import parse_request

MAIN = "/etc/icsguard/icsguard.toml"


def test_a_good_configuration_becomes_settings_without_a_word(told):
    found, problems = told()

    assert [] == problems
    conduit = found.conduit("plc1")
    assert ("0.0.0.0", 1502, "10.1.0.5", 502) == (
        conduit.listen_host, conduit.listen_port, conduit.device_host, conduit.device_port
    )  # fmt: skip
    assert (Mode.ENFORCE, 2, 2) == (conduit.mode, len(conduit.policy.rules), len(conduit.policy.points))


def test_paths_are_seen_from_the_files_own_folder(told):
    found, _ = told()

    assert "/etc/icsguard/state" == found.gateway.state_dir
    assert "/etc/icsguard/state/records/records.jsonl" == found.recorder.path
    assert "/etc/icsguard/state/models" == found.shadow.models_dir
    assert "/run/icsguard/control.sock" == found.gateway.control_socket


def test_what_is_named_wins_over_the_defaults(told, main_text):
    text = main_text + '[recorder]\npath = "/log/r.jsonl"\n[recorder.syslog]\nhost = "siem"\n[shadow]\nmodels = "m"\n'
    found, _ = told(main=text.replace("[gateway]", '[gateway]\ncontrol_socket = "c.sock"'))

    assert ("/log/r.jsonl", "siem", "/etc/icsguard/m", "/etc/icsguard/c.sock") == (
        found.recorder.path, found.recorder.syslog.host, found.shadow.models_dir, found.gateway.control_socket
    )  # fmt: skip


def test_twelve_lines_in_learn_mode_need_no_policy(told):
    found, problems = told(main='[conduit.a]\nlisten = "[::]:502"\ndevice = "plc.example:502"\nmode = "learn"\n')

    assert [] == problems
    assert () == found.conduits[0].policy.rules


def test_the_loaded_policy_judges_in_engineering_units(told):
    judge = Judge(told()[0].conduits[0].policy)

    def fate(raw):
        request = parse_request(1, build.write_register(12, raw))
        return judge.decide(Client("10.0.0.21"), meaning(request), judge.memory(), 0).decision

    assert [Decision.ALLOW, Decision.REFUSE] == [fate(800), fate(801)]


def test_an_equal_policy_has_an_equal_digest_and_another_one_another(told, policy_text):
    one, same = told()[0], told()[0]
    other = told(policy=policy_text.replace("[6, 16]", "[6]"))[0]

    assert one.digest == same.digest != other.digest
    assert 64 == len(one.conduits[0].policy.digest)
    assert one.conduits[0].policy.digest != other.conduits[0].policy.digest


def test_all_errors_of_all_files_come_at_once(told, main_text, policy_text, points_text):
    found, lines = told(
        main=main_text.replace("state =", "stat =").replace("1502", "99999"),
        policy=policy_text.replace('"hmi"]\nunits = [1]\npreset', '"hmii"]\nunits = [1]\npreset'),
        points=points_text.replace("0,80", "0,90000").replace("u16", "u17"),
    )

    assert None is found
    assert ["/etc/icsguard/icsguard.toml:2", "/etc/icsguard/icsguard.toml:5", "p.csv:2", "p.toml:7"] == [
        line.split(": ")[0] for line in lines
    ]


def test_a_broken_main_file_does_not_hide_the_faults_of_the_others(texts, points_text):
    _, problems = check({**texts, MAIN: texts[MAIN].replace("[gateway]", "[gateway"), "p.csv": "nonsense\n"}, MAIN)
    assert {MAIN} == {problem.file for problem in problems}

    _, problems = check({**texts, MAIN: "gateway = 5\n" + texts[MAIN].split("\n\n")[1], "p.csv": "nonsense\n"}, MAIN)
    assert {MAIN, "p.csv"} == {problem.file for problem in problems}


def test_a_file_that_is_named_and_missing_is_an_error_at_its_line(told, texts):
    texts.pop("p.toml")
    found, lines = told()

    assert None is found
    assert "/etc/icsguard/icsguard.toml:8: cannot read 'p.toml' (icsguard learn plc1 writes it)" in lines


def test_a_policy_that_is_missing_is_the_only_thing_that_is_wrong(told, texts):
    texts.pop("p.toml")
    texts[MAIN] = texts[MAIN].replace('mode = "enforce"', 'mode = "enforce"\nisolation.never = ["hmi"]')

    assert 1 == len(told()[1])


def test_load_gives_settings_or_problems(texts):
    assert isinstance(load(texts, MAIN), Settings)
    broken = load({**texts, "p.toml": "x = 1"}, MAIN)
    assert isinstance(broken, Problems)
    assert "p.toml:1: unknown key 'x'" in str(broken)


def test_files_that_are_referenced_are_found_even_in_a_faulty_file():
    tables = ['[conduit.a]\npolicy = "a.toml"\nwrong = 1', '[conduit.b]\npolicy = "a.toml"\npoints = "b.csv"']
    text = "\n".join([*tables, "[conduit]", "c = 5"])

    assert ["a.toml", "b.csv"] == referenced(text)
    assert [] == referenced("[")
    assert [] == referenced("conduit = 5")


def test_one_policy_is_checked_alone(texts):
    made, problems = check_file(texts, "p.toml", "p.csv")
    assert (2, ()) == (len(made.rules), problems)

    made, problems = check_file({**texts, "p.csv": "name\n"}, "p.toml", "p.csv")
    assert None is made
    assert {"p.csv"} == {problem.file for problem in problems}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(data=st.data())
def test_no_damage_to_any_file_makes_the_check_raise(data, texts):
    name = data.draw(st.sampled_from([MAIN, "p.toml", "p.csv"]))
    text = texts[name]
    at = data.draw(st.integers(0, len(text)))
    new = data.draw(
        st.sampled_from(['"', "[", "]", "=", ",", "\n", "\0", "é", "9" * 30, "[[rule]]\n", "x = {", "-1", "'''"])
    )
    damaged = text[:at] + new + text[data.draw(st.integers(at, min(at + 20, len(text)))) :]
    found, problems = check({**texts, name: damaged}, MAIN)

    assert found is not None or problems


def test_nesting_beyond_reason_is_an_error(texts):
    found, problems = check({**texts, "p.toml": "x = " + "[" * 20_000}, MAIN)

    assert None is found
    assert any("p.toml" == problem.file for problem in problems)


def test_a_large_policy_has_no_false_problems(shipped):
    rules = "".join(
        f'[[rule]]\nid = "r{n}"\nclients = ["c{n % 50}"]\nunits = [1]\n'
        f'functions = [3]\nranges = ["holding {n * 6}..{n * 6 + 4}"]\n'
        for n in range(2_000)
    )
    groups = "[clients]\n" + "".join(f'c{n} = ["10.0.{n}.1"]\n' for n in range(50))
    made, problems = check_file({"p.toml": 'packs = ["modbus-baseline"]\n' + groups + rules, **shipped}, "p.toml")

    assert () == problems
    assert 2_010 == len(made.rules)


def test_the_shipped_rules_are_where_the_tests_look():
    assert (Path(__file__).parents[2] / "rules" / "modbus-baseline.toml").is_file()


@pytest.mark.parametrize("mode", ["observe", "learn"])
def test_an_empty_policy_is_an_error_only_where_it_is_enforced(told, mode):
    text = f'[conduit.a]\nlisten = "0.0.0.0:502"\ndevice = "10.0.0.1:502"\nmode = "{mode}"\n'

    assert [] == told(main=text)[1]
    assert "permit" in told(main=text.replace(mode, "enforce"))[1][0]
