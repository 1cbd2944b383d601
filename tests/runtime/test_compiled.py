"""Which core runs: never one that was made from other sources, and always one that runs."""

import json
import subprocess
import sys

import pytest

from icsguard.runtime import compiled


@pytest.fixture
def package(tmp_path):
    """A package with one source in each folder that the digest covers."""
    for name in compiled.PACKAGES:
        (tmp_path / "icsguard" / name).mkdir(parents=True)
        (tmp_path / "icsguard" / name / "module.py").write_text(f"NAME = {name!r}\n")
    return tmp_path / "icsguard"


@pytest.fixture
def built(tmp_path, monkeypatch):
    """Put a manifest of a core with this digest into the folder that ICSGUARD_CORE names."""

    def build(sources):
        place = tmp_path / "core"
        place.mkdir(exist_ok=True)
        (place / "core.json").write_text(json.dumps({"sources": sources}))
        monkeypatch.setenv("ICSGUARD_CORE", str(place))
        return place

    monkeypatch.delenv("ICSGUARD_CORE", raising=False)
    return build


def test_without_a_built_core_python_runs_and_says_what_builds_one(package, built):
    core = compiled.find(package)
    assert ("Python", False) == (core.name, core.is_compiled)
    assert "make compiled" in core.why


def test_a_core_of_these_sources_is_taken(package, built):
    place = built(compiled.digest(package))
    assert compiled.Core(is_compiled=True, why=str(place)) == compiled.find(package)


@pytest.mark.parametrize("name", compiled.PACKAGES)
def test_a_core_is_not_taken_once_a_source_changed(package, built, name):
    built(compiled.digest(package))
    (package / name / "module.py").write_text("NAME = 'other'\n")
    assert "made from other sources" in compiled.find(package).why


def test_a_core_is_not_taken_once_a_source_came_or_went(package, built):
    built(compiled.digest(package))
    (package / "policy" / "more.py").touch()
    assert not compiled.find(package).is_compiled


def test_a_core_can_be_declined(package, built, monkeypatch):
    built(compiled.digest(package))
    monkeypatch.setenv("ICSGUARD_CORE", "python")
    assert compiled.Core(is_compiled=False, why="ICSGUARD_CORE=python") == compiled.find(package)


@pytest.mark.parametrize("text", ["", "[]", "{}", "no json", "\x00"])
def test_a_manifest_that_cannot_be_read_is_no_core(package, built, text):
    (built("x") / "core.json").write_text(text)
    assert "cannot be read" in compiled.find(package).why


def test_a_core_that_does_not_load_leaves_python_running(built):
    place = built(compiled.digest())
    (place / "icsguard_core__mypyc.so").write_bytes(b"no library at all")
    code = (
        "from icsguard.runtime import compiled; print(compiled.choose()); "
        "import icsguard.conversation.session as s; print(s.__file__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    first, second = done.stdout.splitlines()
    assert "does not load" in first
    assert second.endswith("session.py")


def test_a_process_that_never_chose_runs_what_is_written():
    assert compiled.PYTHON == compiled.running().why
    assert "Python" == compiled.running().name
