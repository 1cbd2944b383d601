"""The compiled core against the core as it is written: the same dialogues, the same bytes, records and counts.

The tree is built anew from the present sources (minutes), so it is never a stale one that agrees with itself.
"""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TALK = ROOT / "tests" / "differential" / "talk.py"
DIALOGUES = 300  # of each kind; together some ten thousand events
CONVERSATIONS = ROOT / "tests" / "conversation" / "test_session.py"
TRANSCRIPTS = "as_written or one_by_one"  # the others put spies where an extension takes only the real thing

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1200),  # the C compiler needs two minutes of a quiet core
    pytest.mark.skipif(shutil.which(os.environ.get("CC", "cc")) is None, reason="no C compiler"),
    pytest.mark.skipif(importlib.util.find_spec("setuptools") is None, reason="no setuptools to compile with"),
]


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    folder = tmp_path_factory.mktemp("compiled") / "tree"
    done = run(ROOT, ROOT / "tools" / "compile_core.py", "--into", folder)
    assert 0 == done.returncode, done.stderr[-2000:]
    return folder


def run(path, *command):
    """Run Python with the icsguard that lies at `path`."""
    env = {**os.environ, "PYTHONSAFEPATH": "1", "PYTHONPATH": str(path)}
    return subprocess.run([sys.executable, *map(str, command)], env=env, capture_output=True, text=True, check=False)


def test_both_cores_say_record_and_count_the_same(tree):
    written, compiled = (run(path, TALK, ROOT / "tests" / "fuzz", DIALOGUES) for path in (ROOT, tree))
    assert "Python" == written.stdout.split("\n", 1)[0], written.stderr
    assert "compiled" == compiled.stdout.split("\n", 1)[0], compiled.stderr
    lines = written.stdout.splitlines()[1:]
    assert 2 * DIALOGUES == len(lines)
    assert lines == compiled.stdout.splitlines()[1:]


def test_the_transcripts_hold_on_the_compiled_core(tree):
    done = run(tree, "-m", "pytest", "-q", "-p", "no:cacheprovider", CONVERSATIONS, "-k", TRANSCRIPTS)
    assert 0 == done.returncode, done.stdout[-3000:]
    assert " passed" in done.stdout


def test_version_says_that_the_core_is_compiled(tree):
    done = run(tree, "-c", "from icsguard.cli.version import core; print(core())")
    assert "compiled\n" == done.stdout, done.stderr
