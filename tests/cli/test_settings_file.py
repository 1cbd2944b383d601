from pathlib import Path

import pytest

from icsguard.cli.exits import CliError, ExitCode
from icsguard.cli.settings_file import loaded, readable, report
from icsguard.config.problem import Problem, Severity

GOOD = '[gateway]\nstate = "s"\nrun = "r"\n[conduit.plc1]\nlisten = "127.0.0.1:1502"\ndevice = "10.0.0.1:502"\n'


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "icsguard.toml"
    path.write_text(GOOD)
    return path


def test_settings_without_errors_are_returned(config):
    assert "plc1" == loaded(config).conduits[0].name


def test_errors_are_all_in_the_details(config):
    config.write_text(GOOD + "a = 1\nb = 2\n")
    with pytest.raises(CliError) as error:
        loaded(config)
    assert 2 == len(error.value.details)
    assert all(str(config) in line for line in error.value.details)


def test_a_missing_file_names_init(tmp_path):
    with pytest.raises(CliError, match="there is no configuration"):
        loaded(tmp_path / "none.toml")


def test_a_file_that_may_not_be_read_is_a_matter_of_permission(config, monkeypatch):
    def deny(*_args, **_options):
        raise PermissionError

    monkeypatch.setattr(Path, "open", deny)
    assert not readable(config)
    with pytest.raises(CliError) as error:
        loaded(config)
    assert ExitCode.PERMISSION is error.value.code


def test_a_folder_is_left_to_the_reader_of_the_configuration(tmp_path):
    assert readable(tmp_path)
    with pytest.raises(CliError, match="not usable"):
        loaded(tmp_path)


def test_warnings_alone_are_no_error(capsys):
    warning = Problem("a.toml", 3, "odd", "why?", Severity.WARNING)
    assert not report((warning,), "a.toml", as_json=False)
    assert "a.toml:3: warning: odd (why?)" in capsys.readouterr().out
    assert report((warning, Problem("a.toml", 4, "bad")), "a.toml", as_json=False)
