"""Checked settings hold for the next start only while nothing that they came from has changed."""

import os
import subprocess
import sys

import pytest

from icsguard.runtime import kept_settings
from icsguard.runtime.compile_config import main
from icsguard.runtime.compiler import compile_for_start, compile_now
from icsguard.runtime.kept_settings import FILE_NAME, kept

MAIN = """[gateway]
state = "state"
[conduit.a]
listen = "127.0.0.1:1502"
device = "10.0.0.1:502"
mode = "learn"
policy = "p.toml"
"""
POLICY = '[[rule]]\nid = "a"\nclients = ["*"]\nunits = [1]\npreset = "operator"\n'


@pytest.fixture
def config(tmp_path):
    (tmp_path / "state").mkdir()
    (tmp_path / "p.toml").write_text(POLICY)
    file = tmp_path / "icsguard.toml"
    file.write_text(MAIN)
    assert kept(file) is None
    return file


@pytest.fixture
def checked(config, capfdbinary):
    assert 0 == main([str(config)])
    assert kept(config) is not None
    return config


def test_what_is_kept_is_what_the_child_says(config):
    compiled = compile_now(config)
    found = kept(config)
    assert compiled == (found.settings, found.packed, found.warnings)
    assert any("permits writes" in line for line in found.warnings)


def test_a_start_with_unchanged_files_asks_no_child(checked, monkeypatch):
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("a child was started"))
    assert ["a"] == [conduit.name for conduit in compile_for_start(checked).settings.conduits]


@pytest.mark.parametrize("name", ["icsguard.toml", "p.toml"])
def test_a_changed_file_is_checked_again(checked, name):
    file = checked.parent / name
    file.write_text(file.read_text() + "# a word more\n")
    assert kept(checked) is None
    assert compile_for_start(checked) == compile_now(checked)


def test_a_file_that_is_gone_is_checked_again(checked):
    (checked.parent / "p.toml").unlink()
    assert kept(checked) is None


def test_other_code_checks_again(checked, monkeypatch):
    monkeypatch.setattr(kept_settings.icsguard, "__version__", "another")
    assert kept(checked) is None


def test_a_configuration_in_another_place_is_not_this_one(checked, tmp_path):
    other = tmp_path / "other.toml"
    other.write_text(MAIN)
    assert kept(other) is None


def test_no_damaged_file_is_taken(checked):
    file = checked.parent / "state" / FILE_NAME
    whole = file.read_bytes()
    good = kept(checked)
    for at in range(0, len(whole), 7):
        for data in (whole[:at], whole[:at] + bytes((whole[at] ^ 1,)) + whole[at + 1 :]):
            file.write_bytes(data)
            assert kept(checked) is None, at
    file.write_bytes(bytes((whole[0],)) + b"\x91" * 100_000)
    assert kept(checked) is None
    file.write_bytes(whole)
    assert good == kept(checked)


@pytest.mark.parametrize("mode", [0o660, 0o646])
def test_a_file_that_others_may_write_is_not_trusted(checked, mode):
    (checked.parent / "state" / FILE_NAME).chmod(mode)
    assert kept(checked) is None


def test_a_link_is_not_followed(checked):
    file = checked.parent / "state" / FILE_NAME
    file.rename(file.with_name("elsewhere"))
    file.symlink_to(file.with_name("elsewhere"))
    assert kept(checked) is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_file_of_another_user_is_not_trusted(checked):
    os.chown(checked.parent / "state" / FILE_NAME, 12345, 12345)
    assert kept(checked) is None


def test_settings_that_are_refused_are_not_kept(config, capfdbinary):
    (config.parent / "p.toml").write_text("x = 1\n")
    assert 1 == main([str(config)])
    assert [] == list((config.parent / "state").iterdir())


def test_a_file_that_changes_while_it_is_checked_is_not_kept(config, monkeypatch):
    settings = compile_now(config)
    (config.parent / "state" / FILE_NAME).unlink()
    kept_settings.keep(config, settings.settings, settings.packed, (), {config: MAIN + "# before\n"})
    assert kept(config) is None


def test_without_a_state_folder_nothing_is_kept_and_nothing_breaks(config, capfdbinary):
    (config.parent / "state").rmdir()
    assert 0 == main([str(config)])
    assert not (config.parent / "state").exists()
    assert kept(config) is None


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_costs_only_time(config, capfdbinary):
    (config.parent / "state").chmod(0o500)
    assert 0 == main([str(config)])
    assert kept(config) is None


@pytest.mark.parametrize("text", ["[gateway\n", "gateway = 5\n", "[gateway]\nstate = 7\n"])
def test_a_broken_main_file_has_no_kept_settings(checked, text):
    checked.write_text(text)
    assert kept(checked) is None


def test_it_imports_no_checker():
    code = "import sys, icsguard.runtime.kept_settings; print('pydantic' in sys.modules, 'numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "False False" == done.stdout.strip()
