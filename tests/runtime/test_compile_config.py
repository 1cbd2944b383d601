import subprocess
import sys

import msgspec
import pytest

from icsguard.config.problem import MAX_SHOWN
from icsguard.config.settings import Settings
from icsguard.runtime.compile_config import main
from icsguard.runtime.files import load_config
from icsguard.runtime.pieces import first

MAIN = '[conduit.a]\nlisten = "127.0.0.1:1502"\ndevice = "10.0.0.1:502"\nmode = "learn"\npolicy = "p.toml"\n'


@pytest.fixture
def config(tmp_path):
    (tmp_path / "p.toml").write_text('[[rule]]\nid = "a"\nclients = ["*"]\nunits = [1]\npreset = "operator"\n')
    (tmp_path / "icsguard.toml").write_text(MAIN)
    return tmp_path / "icsguard.toml"


def test_the_child_hands_over_the_settings_and_warns_beside(config):
    done = subprocess.run(
        [sys.executable, "-m", "icsguard.runtime.compile_config", str(config)], capture_output=True, check=True
    )

    assert load_config(config) == msgspec.msgpack.decode(first(memoryview(done.stdout)), type=Settings)
    assert b"p.toml:1: warning: rule 'a' permits writes" in done.stderr


def test_a_faulty_configuration_gives_lines_and_no_settings(config, capfdbinary):
    (config.parent / "p.toml").write_text("x = 1\ny = 2\n")

    assert 1 == main([str(config)])
    out, err = capfdbinary.readouterr()
    assert b"" == out
    assert [b"p.toml:1", b"p.toml:2"] == [line.split(b": ")[0].rpartition(b"/")[2] for line in err.splitlines()]


def test_a_flood_of_problems_is_cut_and_counted(config, capfdbinary):
    (config.parent / "p.toml").write_text("".join(f"k{n} = 1\n" for n in range(MAX_SHOWN + 9)))

    assert 1 == main([str(config)])
    assert b"and 9 more" == capfdbinary.readouterr().err.splitlines()[-1]


def test_one_file_is_named(capfdbinary):
    assert 2 == main([])
    assert b"usage" in capfdbinary.readouterr().err
