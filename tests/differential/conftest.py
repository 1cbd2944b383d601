"""The vectors, and the lists of what is known to differ: both read from text."""

import runpy
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

HERE = Path(__file__).parent


class Known(NamedTuple):
    """One disagreement: which vector, who takes it, and why."""

    file: str
    text: str
    takes: bool
    """True where the peer takes what we call a defect."""
    reason: str


@pytest.fixture(scope="session")
def vectors():
    """Return the reader of tests/vectors: a function from folder to entries by name."""
    return runpy.run_path(str(HERE.parent / "vectors" / "conftest.py"))["vectors"]


@pytest.fixture(scope="session")
def known():
    """Return the reader of the lists beside this file: a function from file name to disagreements."""

    def read(name):
        found, file, takes, reason = [], "", False, ""
        for line in (HERE / name).read_text(encoding="utf-8").splitlines():
            if line.startswith("["):
                file, _, rest = line[1:].partition("] ")
                word, _, reason = rest.partition(": ")
                assert word in {"takes", "refuses"}, line
                assert reason, line
                takes = word == "takes"
            elif line and not line.startswith("#"):
                found.append(Known(file, line, takes, reason))
        return found

    return read


@pytest.fixture(scope="session")
def peer_fields():
    """Return the reader of a peer's fields beside ours: a function from the name of its test file to that table."""
    return lambda name: runpy.run_path(str(HERE / f"{name}.py"))["SAME"]


@pytest.fixture(scope="session")
def mutated():
    """Return inputs of the fuzz campaign: a function from a target's module and class to its first batches."""
    folder = str(HERE.parent / "fuzz")

    def batches(module, name, count):
        sys.path.insert(0, folder)
        try:
            target = getattr(__import__(module), name)(7)
        finally:
            sys.path.remove(folder)
        return [one for number in range(count) for one in target.batch(number) if not one.quirks]

    return batches
