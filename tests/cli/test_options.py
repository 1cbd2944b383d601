from pathlib import Path

import pytest

from icsguard.cli import options
from icsguard.cli.exits import CliError
from icsguard.cli.options import checked_reason, config_path


def test_the_file_named_on_the_command_line_wins(monkeypatch):
    monkeypatch.setenv("ICSGUARD_CONFIG", "/env.toml")
    assert Path("given.toml") == config_path(Path("given.toml"))
    assert Path("/env.toml") == config_path(None)


def test_a_local_file_comes_before_the_systems(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ICSGUARD_CONFIG", raising=False)
    monkeypatch.setattr(options, "SYSTEM_CONFIG", tmp_path / "system.toml")
    assert Path("icsguard.toml") == config_path(None)
    (tmp_path / "system.toml").write_text("")
    assert tmp_path / "system.toml" == config_path(None)
    (tmp_path / "icsguard.toml").write_text("")
    assert Path("icsguard.toml") == config_path(None)


def test_a_reason_is_a_sentence_and_not_nothing():
    assert "shift lead" == checked_reason("  shift lead ")
    for text in ("", "   ", "x" * 501):
        with pytest.raises(CliError):
            checked_reason(text)
