"""Setting up: the right Python is found, and what is missing is one line that names the package to install."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

PRESENT = f'#!/bin/sh\nexec {sys.executable} "$@"\n'
# The same, but its environments come without pip: what is asked of most tests, in a tenth of the time.
SWIFT = f'#!/bin/sh\ncase "$*" in "-m venv "*) set -- "$@" --without-pip ;; esac\nexec {sys.executable} "$@"\n'
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
    result = make_venv({"python3": SWIFT}, tmp_path / "env")
    assert 0 == result.returncode, result.stderr
    assert (tmp_path / "env" / "bin" / "python").exists()


def test_a_versioned_python_is_found_beside_one_that_is_too_old(make_venv, tmp_path):
    result = make_venv({"python3": TOO_OLD, "python3.12": SWIFT}, tmp_path / "env")
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
    result = make_venv({"python3": SWIFT}, tmp_path / "env")
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


@pytest.fixture
def install(repo: Path):
    spec = importlib.util.spec_from_file_location("install", repo / "tools" / "install.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("advice", "line"),
    [
        ("apt install build-essential", "error: command 'gcc' failed: No such file or directory"),
        ("apt install python3-dev", "fatal error: Python.h: No such file or directory"),
        ("disk is full", "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device"),
        ("package mirror", "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE."),
        ("check the network", "ERROR: No matching distribution found for rich==15.0.0"),
    ],
)
def test_what_pip_failed_on_becomes_one_line_of_advice(install, advice, line):
    found = install.hint(["Collecting rich==15.0.0", line, "note: This is an issue with the package"])
    assert advice in found
    assert "\n" not in found


def test_a_failed_installation_says_so_in_its_status(install, capsys):
    assert not install.run_pip(["--no-index", "--require-hashes", "no-such-package-of-icsguard==1"])
    assert "pip could not install the packages" in capsys.readouterr().err
