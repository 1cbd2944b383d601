import json
import stat

import pytest

from icsguard.cli.exits import CliError
from icsguard.cli.init import First, checked_name, endpoint, first_config, folders
from icsguard.config.settings import Settings
from icsguard.core.decision import Mode
from icsguard.runtime.files import load_config


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_first_file_has_about_a_dozen_lines_and_no_errors(icsguard, folder):
    ended = icsguard("init", "--device", "10.1.0.5", "--listen", "10.0.0.9:502", "--yes")
    assert 0 == ended.code
    text = (folder / "icsguard.toml").read_text(encoding="utf-8")
    assert text == ended.out
    assert len(text.splitlines()) <= 12
    settings = load_config(folder / "icsguard.toml")
    assert isinstance(settings, Settings)
    conduit = settings.conduit("plc1")
    assert ("10.0.0.9", 502, "10.1.0.5", 502) == (
        conduit.listen_host, conduit.listen_port, conduit.device_host, conduit.device_port,
    )  # fmt: skip
    assert (Mode.LEARN, str(folder / "state")) == (conduit.mode, settings.gateway.state_dir)


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("device", ["[fd00::5]:1502", "plc-1.example", "10.0.0.1:1"])
def test_every_first_file_is_without_errors(icsguard, folder, mode, device):
    icsguard("init", "--device", device, "--mode", mode, "--name", "cell_2", "--yes")
    outcome = load_config(folder / "icsguard.toml")
    if mode is Mode.ENFORCE:
        assert "policy" in str(outcome)  # an empty policy in enforce mode is an error, and the file says what to do
    else:
        assert isinstance(outcome, Settings)


def test_an_existing_file_is_kept_unless_forced(icsguard, folder):
    (folder / "icsguard.toml").write_text("mine")
    ended = icsguard("init", "--device", "10.1.0.5", "--yes")
    assert (1, "mine") == (ended.code, (folder / "icsguard.toml").read_text())
    assert "--force" in ended.err
    assert 0 == icsguard("init", "--device", "10.1.0.5", "--yes", "--force").code
    assert "10.1.0.5:502" in (folder / "icsguard.toml").read_text()


def test_a_no_writes_nothing(icsguard, folder, monkeypatch):
    monkeypatch.setattr("icsguard.cli.init.typer.confirm", lambda *_args, **_options: False)
    assert 1 == icsguard("init", "--device", "10.1.0.5").code
    assert [] == list(folder.iterdir())


def test_the_device_is_needed(icsguard):
    ended = icsguard("init", "--yes")
    assert 2 == ended.code
    assert "--device" in ended.err


def test_json_names_the_file_and_its_text(icsguard):
    data = json.loads(icsguard("init", "--device", "10.1.0.5", "--yes", "--json").out)
    assert {"file", "text"} == set(data)


def test_only_the_owner_may_write_the_file(icsguard, folder):
    icsguard("init", "--device", "10.1.0.5", "--yes")
    assert 0 == (folder / "icsguard.toml").stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def test_a_folder_that_cannot_be_used_is_one_line(icsguard, folder):
    (folder / "file").write_text("")
    ended = icsguard("init", "--device", "10.1.0.5", "--yes", "--file", folder / "file" / "icsguard.toml")
    assert 1 == ended.code
    assert "cannot be written" in ended.err


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10.0.0.1", "10.0.0.1:502"),
        ("10.0.0.1:1502", "10.0.0.1:1502"),
        ("plc-1.example:5", "plc-1.example:5"),
        ("[fd00::1]", "[fd00::1]:502"),
        ("[fd00::1]:7", "[fd00::1]:7"),
        ("1502", "0.0.0.0:1502"),
    ],
)
def test_an_address_is_read_as_people_write_it(text, expected):
    assert expected == endpoint(text, "0.0.0.0")


@pytest.mark.parametrize("text", ["", "fd00::1", "host:0", "host:65536", "a b", 'x"', "host:", "5\n", ":502", "h:1:2"])
def test_anything_else_is_a_usage_error(text):
    with pytest.raises(CliError, match="no address"):
        endpoint(text)


def test_a_port_alone_is_no_device():
    with pytest.raises(CliError):
        endpoint("502")


@pytest.mark.parametrize("name", ["", "PLC", "1plc", "a b", "x" * 33, "plc.1", "ä"])
def test_a_name_must_fit_into_files_and_commands(name):
    with pytest.raises(CliError):
        checked_name(name)


def test_the_systems_file_uses_the_systems_folders(tmp_path):
    from icsguard.cli.options import SYSTEM_CONFIG

    assert ("/var/lib/icsguard", "/run/icsguard") == folders(SYSTEM_CONFIG)
    assert ("state", "run") == folders(tmp_path / "icsguard.toml")


def test_the_text_says_what_comes_next():
    text = first_config(First("plc1", "0.0.0.0:502", "10.1.0.5:502", Mode.LEARN, "state", "run"))
    assert "icsguard mode plc1 enforce" in text
    assert "icsguard learn plc1" in text
