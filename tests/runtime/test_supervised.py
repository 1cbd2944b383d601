import os
import sys

from icsguard.runtime.supervised import WATCHDOG_S, Supervised, child_command, child_environment


def test_a_child_knows_its_parent_and_its_module():
    command = child_command("icsguard.runtime.gateway", ["--config", "x.toml"])
    parent = str(os.getpid())
    assert [
        sys.executable,
        "-m",
        "icsguard.runtime.child",
        parent,
        "icsguard.runtime.gateway",
        "--config",
        "x.toml",
    ] == command


def test_a_child_is_told_where_to_say_that_it_is_ready_and_nothing_of_our_own_watchdog():
    environment = child_environment({"PATH": "/bin", "WATCHDOG_PID": "1", "NOTIFY_SOCKET": "/run/systemd"}, "@ours")
    assert {"PATH": "/bin", "NOTIFY_SOCKET": "@ours", "WATCHDOG_USEC": str(WATCHDOG_S * 1_000_000)} == environment


def test_a_process_is_ready_once_a_life(tmp_path):
    child = Supervised("shadow", tmp_path, notify_socket="@x")
    assert [True, False] == [child.heard(["READY=1"], 1), child.heard(["READY=1"], 2)]


def test_what_was_never_started_is_down(tmp_path):
    child = Supervised("shadow", tmp_path, notify_socket="@x")
    assert (None, None, True) == (child.pid, child.ended(1), child.wait(0))
