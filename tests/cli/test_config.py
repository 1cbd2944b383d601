import json

import pytest


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "icsguard.toml"
    path.write_text(
        '[gateway]\nstate = "state"\nrun = "run"\n[conduit.plc1]\nlisten = "127.0.0.1:1502"\ndevice = "10.0.0.1:502"\n'
    )
    return path


@pytest.fixture
def broken(config):
    config.write_text(config.read_text() + 'mode = "lern"\nspeed = 1\npoints = "none.csv"\n')
    return config


def test_a_configuration_without_errors_says_so(icsguard, config):
    ended = icsguard("config", "check", "-c", config)
    assert (0, f"{config}: no errors\n") == (ended.code, ended.out)


def test_every_problem_is_shown_at_once_with_file_line_and_hint(icsguard, broken):
    ended = icsguard("config", "check", "-c", broken)
    assert 4 == ended.code
    for expected in (f"{broken}:7: ", "lern", f"{broken}:8: ", "speed", "none.csv"):
        assert expected in ended.out


def test_problems_are_json_where_asked_for(icsguard, broken):
    data = json.loads(icsguard("config", "check", "-c", broken, "--json").out)
    assert data["errors"] == len(data["problems"]) >= 2
    assert {"file", "line", "message", "hint", "severity"} == set(data["problems"][0])


def test_the_settings_in_force_are_shown_with_their_defaults(icsguard, config):
    out = icsguard("config", "show", "-c", config).out
    assert "conduits.plc1.listen_port = 1502" in out
    assert 'conduits.plc1.failure = "policy_alone"' in out
    assert f'gateway.control_socket = "{config.parent}/run/control.sock"' in out


def test_the_settings_in_force_are_json_where_asked_for(icsguard, config):
    data = json.loads(icsguard("config", "show", "-c", config, "--json").out)
    assert ("plc1", 0) == (data["conduits"][0]["name"], data["conduits"][0]["policy"]["rules"])


@pytest.mark.parametrize("options", [(), ("--policy",)])
def test_the_schema_is_json(icsguard, options):
    assert "properties" in json.loads(icsguard("config", "schema", *options).out)


def test_a_missing_file_says_what_to_type(icsguard, tmp_path):
    ended = icsguard("config", "check", "-c", tmp_path / "none.toml")
    assert 1 == ended.code
    assert "icsguard init" in ended.err
