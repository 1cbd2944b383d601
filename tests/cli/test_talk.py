from pathlib import Path

import pytest

from icsguard.cli import talk
from icsguard.cli.exits import CliError, ExitCode
from icsguard.cli.talk import DEFAULT_SOCKET, socket_path
from icsguard.control.replies import Done, Sessions
from icsguard.control.requests import GetStatus, Release
from icsguard.runtime.control_client import NoAnswerError, NoPermissionError


@pytest.fixture(autouse=True)
def no_environment(monkeypatch):
    monkeypatch.delenv("ICSGUARD_SOCKET", raising=False)
    monkeypatch.delenv("ICSGUARD_CONFIG", raising=False)


@pytest.fixture
def config(tmp_path):
    return tmp_path / "icsguard.toml"


def test_brackets_without_end_are_one_clear_line(config):
    config.write_text("x = " + "[" * 20_000)
    with pytest.raises(CliError, match="recursion"):
        socket_path(config)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", DEFAULT_SOCKET),
        ('[gateway]\nrun = "run"', "run/control.sock"),
        ('[gateway]\nrun = "/run/a"', "/run/a/control.sock"),
        ('[gateway]\nrun = "run"\ncontrol_socket = "c.sock"', "c.sock"),
        ('[gateway]\ncontrol_socket = ""\nrun = "/run/a"', "/run/a/control.sock"),
        ("gateway = 5", DEFAULT_SOCKET),
        ("[gateway]\nrun = 7", DEFAULT_SOCKET),
    ],
)
def test_the_socket_is_where_the_configuration_says(config, text, expected):
    config.write_text(text)
    assert config.parent / expected == socket_path(config)


def test_the_environment_wins(config, monkeypatch):
    monkeypatch.setenv("ICSGUARD_SOCKET", "/x.sock")
    assert Path("/x.sock") == socket_path(config)


def test_a_named_file_that_is_missing_is_an_error_and_an_unnamed_one_is_not(config, monkeypatch):
    with pytest.raises(CliError, match="there is no file"):
        socket_path(config)
    monkeypatch.chdir(config.parent)
    monkeypatch.setattr("icsguard.cli.options.SYSTEM_CONFIG", config.parent / "none.toml")
    assert DEFAULT_SOCKET == socket_path(None)


def test_broken_toml_is_one_line_with_its_place(config):
    config.write_text("[gateway\n")
    with pytest.raises(CliError, match="line 1") as error:
        socket_path(config)
    assert "config check" in error.value.hint


def test_a_file_that_may_not_be_read_leaves_the_decision_to_the_socket(config, monkeypatch):
    config.write_text("")

    def deny(*_args, **_options):
        raise PermissionError

    monkeypatch.setattr(Path, "read_text", deny)
    assert DEFAULT_SOCKET == socket_path(config)


def test_another_kind_of_answer_is_an_error(gateway, answers):
    answers["GetStatus"] = Done(text="?")
    with pytest.raises(CliError, match="another kind"):
        talk.answer(GetStatus(), Sessions, None)


@pytest.mark.parametrize(
    ("error", "code"), [(NoPermissionError("x"), ExitCode.PERMISSION), (NoAnswerError("x"), ExitCode.ERROR)]
)
def test_what_keeps_an_answer_away_has_its_exit_code(monkeypatch, tmp_path, error, code):
    monkeypatch.setenv("ICSGUARD_SOCKET", str(tmp_path / "x"))

    def fail(*_args):
        raise error

    monkeypatch.setattr(talk, "ask", fail)
    with pytest.raises(CliError) as raised:
        talk.answer(GetStatus(), Done, None)
    assert code is raised.value.code


def test_a_change_shows_its_details_and_its_undo(capsys):
    talk.done(Done(text="now", details=("a", "b"), undo="icsguard x"), as_json=False)
    assert ("now\n  a\n  b\n", "undo: icsguard x\n") == tuple(capsys.readouterr())


def test_a_configuration_that_may_not_be_read_is_what_is_wrong_where_nobody_listens(config, monkeypatch):
    monkeypatch.setattr(talk, "DEFAULT_SOCKET", config.parent / "control.sock")
    monkeypatch.setattr(talk.os, "access", lambda _path, _mode: False)
    config.write_text("")
    with pytest.raises(CliError) as raised:
        talk.answer(GetStatus(), Done, config)
    assert ExitCode.PERMISSION is raised.value.code
    assert "may not be read by this user" in raised.value.text
    monkeypatch.undo()
    monkeypatch.setattr(talk, "DEFAULT_SOCKET", config.parent / "control.sock")
    with pytest.raises(CliError) as raised:
        talk.answer(GetStatus(), Done, config)
    assert ExitCode.NOT_RUNNING is raised.value.code


def test_a_dry_run_says_what_it_would_do_and_asks_nobody(capsys):
    request = Release(client="10.0.0.66", reason="r")
    talk.carry_out(request, "it may connect again", "10.0.0.66", None, yes=False, dry_run=True, as_json=False)
    assert "would do: it may connect again\n" == capsys.readouterr().out
