"""The compiled core against the core as it is written: the same dialogues, the same bytes, records and counts.

It is built anew from the present sources (a minute or two), unless the checkout's own was made from just these.
"""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from icsguard.runtime import compiled

ROOT = Path(__file__).resolve().parents[2]
TALK = ROOT / "tests" / "differential" / "talk.py"
DIALOGUES = 300  # of each kind; together some ten thousand events
CONVERSATIONS = ROOT / "tests" / "conversation" / "test_session.py"
OPCUA = ROOT / "tests" / "conversation" / "opcua"
SHELL = ROOT / "tests" / "runtime" / "test_modbus_shell.py"
OTHERS = [ROOT / "tests" / "runtime" / f"test_{name}.py" for name in ("opcua_shell", "pool_shell", "listener")]
TRANSCRIPTS = "as_written or one_by_one"  # the others put spies where an extension takes only the real thing
OLD_THROW = "ignore:the (type, exc, tb) signature of throw() is deprecated:DeprecationWarning"
"""How mypyc's coroutines pass a cancellation on; from Python 3.12 on that warns, and warnings are errors here."""

pytestmark = [
    pytest.mark.peer,
    pytest.mark.slow,
    pytest.mark.timeout(1200),  # the C compiler needs two minutes of a quiet core
    pytest.mark.skipif(shutil.which(os.environ.get("CC", "cc")) is None, reason="no C compiler"),
    pytest.mark.skipif(importlib.util.find_spec("setuptools") is None, reason="no setuptools to compile with"),
]


@pytest.fixture(scope="module")
def core(tmp_path_factory):
    own = ROOT / "build" / "compiled"
    if manifest_of(own) == compiled.digest():
        return own
    folder = tmp_path_factory.mktemp("compiled") / "core"
    done = run("python", ROOT / "tools" / "compile_core.py", "--into", folder)
    assert 0 == done.returncode, done.stderr[-2000:]
    return folder


def manifest_of(folder):
    try:
        return json.loads((folder / "core.json").read_text())["sources"]
    except OSError:
        return None


def run(core, *command):
    """Run Python with ICSGUARD_CORE set to `core`."""
    env = {**os.environ, "PYTHONSAFEPATH": "1", "PYTHONPATH": str(ROOT), "ICSGUARD_CORE": str(core)}
    return subprocess.run([sys.executable, *map(str, command)], env=env, capture_output=True, text=True, check=False)


def test_both_cores_say_record_and_count_the_same(core):
    written, made = (run(one, TALK, ROOT / "tests" / "fuzz", DIALOGUES) for one in ("python", core))
    assert "Python" == written.stdout.split("\n", 1)[0], written.stderr
    assert "compiled" == made.stdout.split("\n", 1)[0], made.stderr
    lines = written.stdout.splitlines()[1:]
    assert 2 * DIALOGUES == len(lines)
    assert lines == made.stdout.splitlines()[1:]


@pytest.mark.parametrize(
    "which",
    [[CONVERSATIONS, "-k", TRANSCRIPTS], [OPCUA], [SHELL], OTHERS],
    ids=["modbus", "opcua", "shell", "other shells"],
)
def test_conversations_hold_on_the_compiled_core(core, which):
    code = (
        "import sys; from icsguard.runtime import compiled; assert compiled.choose().is_compiled; "
        "import pytest; sys.exit(pytest.main(sys.argv[1:]))"
    )
    done = run(core, "-c", code, "-q", "-p", "no:cacheprovider", "-W", OLD_THROW, *which)
    assert 0 == done.returncode, done.stdout[-3000:]
    assert " passed" in done.stdout


def test_version_says_that_the_core_is_compiled(core):
    done = run(core, "-m", "icsguard", "version")
    fits = manifest_of(core) == compiled.digest()
    assert not fits or "compiled core" in done.stdout, done.stderr


def test_a_gateway_takes_the_compiled_core_and_says_so(core):
    code = (
        "import sys; sys.argv[1:] = []; from icsguard.runtime import compiled; compiled.choose(); "
        "import icsguard.runtime.gateway, icsguard.conversation.session as s, icsguard.runtime._wire as w; "
        "print(compiled.running().name, s.__file__.endswith('.so'), w.__file__.endswith('.so'))"
    )
    assert "compiled True True\n" == run(core, "-c", code).stdout
