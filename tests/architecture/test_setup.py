"""Setting up: the right Python is found, and what is missing is one line that names the package to install."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PRESENT = f'#!/bin/sh\nexec {sys.executable} "$@"\n'
# An interpreter that fails each question it is asked with -c is too old, as far as a shell script can see.
TOO_OLD = "#!/bin/sh\nexit 1\n"
# Debian without python3-venv: new enough, but `import venv, ensurepip` fails.
NO_VENV = f'#!/bin/sh\ncase "$2" in *ensurepip*) exit 1 ;; esac\nexec {sys.executable} "$@"\n'


@pytest.fixture
def make_venv(repo: Path, tmp_path: Path):
    """Runs tools/make-venv where only the given interpreters are on the path."""
    path = tmp_path / "bin"
    path.mkdir()
    for tool in ("sh", "rm"):
        (path / tool).symlink_to(f"/bin/{tool}")

    def run(interpreters: dict[str, str], target: Path, **env: str) -> subprocess.CompletedProcess[str]:
        for name, script in interpreters.items():
            (path / name).write_text(script)
            (path / name).chmod(0o755)
        command = [str(repo / "tools" / "make-venv"), str(target)]
        clean = {key: value for key, value in os.environ.items() if key != "PYTHON"} | {"PATH": str(path)} | env
        return subprocess.run(command, env=clean, capture_output=True, text=True, check=False, timeout=50)

    return run


def test_a_new_enough_python3_is_taken(make_venv, tmp_path):
    result = make_venv({"python3": PRESENT}, tmp_path / "env")
    assert 0 == result.returncode, result.stderr
    assert (tmp_path / "env" / "bin" / "python").exists()


def test_a_versioned_python_is_found_beside_one_that_is_too_old(make_venv, tmp_path):
    result = make_venv({"python3": TOO_OLD, "python3.12": PRESENT}, tmp_path / "env")
    assert 0 == result.returncode, result.stderr
    assert (tmp_path / "env" / "bin" / "python").exists()


def test_an_environment_that_works_is_kept(make_venv, tmp_path):
    make_venv({"python3": PRESENT}, tmp_path / "env")
    (tmp_path / "env" / "mark").touch()
    result = make_venv({"python3": PRESENT}, tmp_path / "env")
    assert 0 == result.returncode
    assert "" == result.stdout
    assert (tmp_path / "env" / "mark").exists()


def test_an_environment_whose_python_went_away_is_made_anew(make_venv, tmp_path):
    (tmp_path / "env" / "bin").mkdir(parents=True)
    (tmp_path / "env" / "bin" / "python").symlink_to(tmp_path / "gone")
    result = make_venv({"python3": PRESENT}, tmp_path / "env")
    assert 0 == result.returncode, result.stderr
    assert (tmp_path / "env" / "bin" / "python").exists()


@pytest.mark.parametrize("interpreters", [{}, {"python3": TOO_OLD}])
def test_no_python_is_one_line_with_the_package(make_venv, tmp_path, interpreters):
    result = make_venv(interpreters, tmp_path / "env")
    assert 1 == result.returncode
    assert result.stderr == (
        "icsguard needs Python 3.11 or newer and found none: apt install python3-venv (Debian 12 or newer)\n"
    )


def test_no_venv_module_is_one_line_with_the_package(make_venv, tmp_path):
    result = make_venv({"python3": NO_VENV}, tmp_path / "env")
    assert 1 == result.returncode
    assert 1 == result.stderr.count("\n")
    assert result.stderr.endswith("apt install python3-venv\n")
    assert not (tmp_path / "env").exists()


def test_no_venv_module_of_a_versioned_python_names_its_own_package(make_venv, tmp_path):
    result = make_venv({"python3.13": NO_VENV}, tmp_path / "env")
    major, minor = sys.version_info[:2]
    assert result.stderr.endswith(f"apt install python{major}.{minor}-venv\n")
