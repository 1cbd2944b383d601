import os
from pathlib import Path

import pytest

from icsguard.config.problem import Problem, Problems
from icsguard.config.settings import Settings
from icsguard.runtime import files
from icsguard.runtime.files import check_config, gather, load_config, read_text, shipped_rules

MAIN = """\
[conduit.a]
listen = "127.0.0.1:1502"
device = "10.0.0.1:502"
mode = "learn"
policy = "p.toml"
points = "sub/p.csv"
"""


@pytest.fixture
def config(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "p.csv").write_text("name,unit_id,table,address\na,1,coil,0\n")
    (tmp_path / "p.toml").write_text('packs = ["modbus-baseline"]\n')
    (tmp_path / "icsguard.toml").write_text(MAIN)
    return tmp_path / "icsguard.toml"


def lines(config):
    return [str(problem).replace(f"{config.parent}/", "") for problem in check_config(config)[1]]


def test_the_files_that_a_configuration_names_are_read_beside_it(config):
    settings, problems = check_config(config)

    assert () == problems
    assert str(config) == settings.source
    assert ["a"] == [point.name for point in settings.conduits[0].policy.points]
    assert settings.conduits[0].policy.rules


def test_a_relative_path_becomes_absolute(config, monkeypatch):
    monkeypatch.chdir(config.parent)

    assert str(config) == gather(Path("icsguard.toml")).main


def test_a_missing_configuration_says_what_to_type(tmp_path):
    settings, problems = check_config(tmp_path / "x.toml")

    assert None is settings
    assert [f"{tmp_path}/x.toml: there is no such file (icsguard init writes one)"] == [str(p) for p in problems]


def test_a_missing_policy_is_told_once_with_its_cause(config):
    (config.parent / "p.toml").unlink()

    assert [f"p.toml: there is no such file (it is named in {config})".replace(f"{config.parent}/", "")] == lines(
        config
    )


def test_problems_carry_whole_paths(config):
    (config.parent / "sub" / "p.csv").write_text("name\n")

    assert {str(config.parent / "sub" / "p.csv")} == {problem.file for problem in check_config(config)[1]}


def test_text_that_is_not_utf_8_is_told_with_its_line(config):
    (config.parent / "p.toml").write_bytes(b"# a\n# \xff\n")

    assert ["p.toml:2: it is not UTF-8 text (save it as UTF-8)"] == lines(config)


def test_a_file_beyond_reason_is_not_read(config, monkeypatch):
    monkeypatch.setattr(files, "MAX_FILE", 200)
    (config.parent / "p.toml").write_text("#" * 201)

    assert ["p.toml: it is larger than 200 bytes (is it the right file?)"] == lines(config)


def test_a_folder_is_no_file(config):
    (config.parent / "p.toml").unlink()
    (config.parent / "p.toml").mkdir()

    assert ["p.toml: it cannot be read: Is a directory (it is named in icsguard.toml)"] == lines(config)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_told_with_the_cure(config):
    (config.parent / "p.toml").chmod(0)

    assert ["p.toml: this user may not read it (chmod or chown p.toml)"] == lines(config)


def test_a_refused_open_is_told_with_the_cure(config, monkeypatch):
    def refuse(self, mode):
        raise PermissionError

    monkeypatch.setattr(Path, "open", refuse)
    found = read_text(config)

    assert isinstance(found, Problem)
    assert "this user may not read it" in found.message


def test_load_gives_settings_or_every_error(config):
    assert isinstance(load_config(config), Settings)
    (config.parent / "p.toml").write_text("x = 1\n")
    assert isinstance(load_config(config), Problems)


def test_a_text_is_read_without_its_byte_order_mark(tmp_path):
    (tmp_path / "t").write_bytes(b"\xef\xbb\xbfa")

    assert "a" == read_text(tmp_path / "t")


def test_the_shipped_rules_are_found():
    assert {"shipped:attack-ics.toml", "shipped:modbus-baseline.toml"} <= set(shipped_rules())
