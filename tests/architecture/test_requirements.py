"""The pins: hashes for every package, no address, one version for all sets, and nothing declared without a pin."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

SETS = ("core", "lab", "learn", "fmi", "dev", "build")
PIN = re.compile(r"^([a-z0-9][a-z0-9._-]*)==(\S+)(?: ; [^\\]+)? \\$")
HASH = re.compile(r"^    --hash=sha256:[0-9a-f]{64}(?: \\)?$")


@pytest.fixture(scope="session")
def project(repo: Path) -> dict:
    return tomllib.loads((repo / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture(scope="session")
def lines(repo: Path) -> dict[str, list[str]]:
    return {name: (repo / "requirements" / f"{name}.txt").read_text(encoding="utf-8").splitlines() for name in SETS}


@pytest.fixture(scope="session")
def pins(lines: dict[str, list[str]]) -> dict[str, dict[str, Version]]:
    found = {name: [PIN.match(line) for line in text] for name, text in lines.items()}
    return {name: {m[1]: Version(m[2]) for m in matched if m} for name, matched in found.items()}


@pytest.mark.parametrize("name", SETS)
def test_a_file_holds_pins_and_hashes_and_nothing_else(lines, name):
    assert [] == [line for line in lines[name] if not PIN.match(line) and not HASH.match(line)]
    followed = zip(lines[name], lines[name][1:], strict=False)
    assert [] == [first for first, second in followed if PIN.match(first) and not HASH.match(second)]


@pytest.mark.parametrize("name", SETS)
def test_a_file_holds_no_address(lines, name):
    assert [] == [line for line in lines[name] if "://" in line or "--find" in line or "index" in line.split("==")[0]]


def test_all_files_agree_on_each_version(pins):
    versions: dict[str, set[Version]] = {}
    for of_set in pins.values():
        for package, version in of_set.items():
            versions.setdefault(package, set()).add(version)
    assert {} == {package: found for package, found in versions.items() if len(found) > 1}


@pytest.mark.parametrize("name", SETS)
def test_everything_declared_is_pinned_within_its_bounds(project, pins, name):
    extra = [] if name == "core" else project["optional-dependencies"][name]
    declared = extra if name == "build" else project["dependencies"] + extra
    wanted = [Requirement(line) for line in declared]
    assert [] == [str(want) for want in wanted if pins[name].get(canonicalize_name(want.name)) not in want.specifier]


@pytest.mark.parametrize("name", ["lab", "learn", "dev"])
def test_an_extra_is_complete_with_the_core(pins, name):
    assert not set(pins["core"]) - set(pins[name])


def test_every_extra_has_its_file(project):
    assert set(SETS) - {"core"} == set(project["optional-dependencies"])


def test_no_lock_that_stores_addresses_is_tracked(tracked: list[Path]):
    foreign = {"uv.lock", "poetry.lock", "Pipfile.lock", "pylock.toml", "package-lock.json", "yarn.lock"}
    assert [] == [str(file) for file in tracked if file.name in foreign]
