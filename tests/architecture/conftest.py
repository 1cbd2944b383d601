"""What the house checks look at: the files that git knows, and the modules of the package."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def tracked(repo: Path) -> list[Path]:
    """Every file of the project: tracked by git, or new and not ignored."""
    command = ["git", "-C", str(repo), "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("this is no git checkout: the files of the project cannot be told from others")
    return [repo / name for name in listed.stdout.splitlines() if (repo / name).is_file()]


@pytest.fixture(scope="session")
def texts(tracked: list[Path]) -> list[tuple[Path, str]]:
    """The tracked text files with their text; binary files (models, captures) are left out."""
    return list(_texts(tracked))


def _texts(files: list[Path]) -> Iterator[tuple[Path, str]]:
    for file in files:
        data = file.read_bytes()
        if b"\0" not in data:
            yield file, data.decode("utf-8", errors="replace")


@pytest.fixture(scope="session")
def modules(repo: Path) -> list[Path]:
    """Source files of the package, relative to it."""
    package = repo / "icsguard"
    return sorted(file.relative_to(package) for file in package.rglob("*.py"))
