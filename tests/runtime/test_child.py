import os
import signal
import subprocess
import sys
import time

import pytest

from icsguard.runtime import child


def test_only_our_own_processes_are_started(capsys):
    assert 2 == child.main([str(os.getppid()), "http.server", "8000"])
    assert "http.server" in capsys.readouterr().err


def test_a_process_whose_parent_is_gone_does_not_start():
    with pytest.raises(SystemExit) as ended:
        child.end_with_parent(parent=1_999_999_999)
    assert 1 == ended.value.code


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux")
def test_a_killed_parent_takes_its_child_with_it():
    grandchild = (
        "import os, time; from icsguard.runtime.child import end_with_parent; "
        "end_with_parent(os.getppid()); print(os.getpid(), flush=True); time.sleep(30)"
    )
    parent = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])"
    with subprocess.Popen([sys.executable, "-c", parent, grandchild], stdout=subprocess.PIPE, text=True) as process:
        pid = int(process.stdout.readline())
        process.kill()
        assert is_gone(pid)


def is_gone(pid):
    """Wait until a process is gone, at most five seconds."""
    for _ in range(100):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    os.kill(pid, signal.SIGKILL)
    return False
