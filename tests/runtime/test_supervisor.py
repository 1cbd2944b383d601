import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from icsguard.runtime import supervised, supervisor
from icsguard.runtime.supervisor import Supervisor, how

GOOD = """
import signal, sys, time
from icsguard.runtime import systemd
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
signal.signal(signal.SIGHUP, lambda *_: open("ROLE.hup", "w").close())
systemd.ready()
while True:
    time.sleep(0.05)
"""
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
STUBBORN += "from icsguard.runtime import systemd; systemd.ready(); time.sleep(60)"
HANGING = "from icsguard.runtime import systemd; import time; systemd.notify('READY=1', 'WATCHDOG=1'); time.sleep(60)"
WAIT_S = 10


@pytest.fixture
def scripts():
    """What each role runs in place of the real process."""
    return {"gateway": GOOD, "shadow": GOOD, "recorder": GOOD}


@pytest.fixture
def events():
    return []


@pytest.fixture
def made(scripts, events, tmp_path, monkeypatch):
    def command(module, _arguments):
        role = module.rpartition(".")[2]
        return [sys.executable, "-c", scripts[role].replace("ROLE", str(tmp_path / role))]

    monkeypatch.setattr(supervised, "child_command", command)
    supervising = Supervisor(tmp_path / "icsguard.toml", on_event=lambda name, facts: events.append((name, facts)))
    yield supervising
    for child in supervising.children.values():
        child.send(signal.SIGKILL)
    supervising.stop()


def step_until(supervising, condition):
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        supervising.step(0.05)


def names(events, role):
    return [name for name, facts in events if facts.get("role") == role]


def test_three_processes_start_become_ready_and_stop(made, events):
    made.start()
    step_until(made, lambda: made.is_ready)
    pids = [child.pid for child in made.children.values()]
    made.stop()
    assert 3 == len(set(pids))
    assert [["started", "ready"]] * 3 == [names(events, role) for role in made.children]
    assert "stopped" == events[-1][0]
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


@pytest.mark.parametrize("role", ["gateway", "shadow", "recorder"])
def test_a_killed_process_is_back_within_a_second(made, events, role):
    made.start()
    step_until(made, lambda: made.is_ready)
    child = made.children[role]
    before = child.pid
    os.kill(before, signal.SIGKILL)
    started = time.monotonic()
    step_until(made, lambda: child.pid not in {before, None} and child.ready)
    assert time.monotonic() - started < 1.5  # the pause is at most 0.2 s; the rest is Python's own start
    assert ["started", "ready", "ended", "started", "ready"] == names(events, role)
    assert ("ended", {"role": role, "pid": before, "how": "killed by SIGKILL"}) in events
    made.stop()


def test_a_gateway_that_refuses_to_start_is_not_started_again(made, scripts, events):
    scripts["gateway"] = "import sys; print('port 502 is in use', file=sys.stderr); sys.exit(5)"
    made.start()
    step_until(made, lambda: made.ended is not None)
    made.step(0.01)
    assert 5 == made.ended
    assert [("started", "gateway")] == [(name, facts["role"]) for name, facts in events]  # nobody else said a word
    made.stop()


def test_the_others_do_not_wait_for_ever_for_a_gateway_that_says_nothing(made, scripts, events, monkeypatch):
    monkeypatch.setattr(supervisor, "HEAD_START_NS", 1)
    scripts["gateway"] = "import time; time.sleep(60)"
    made.start()
    step_until(made, lambda: made.children["shadow"].ready and made.children["recorder"].ready)
    assert not made.children["gateway"].ready


def test_a_gateway_that_was_ready_before_is_always_started_again(made, scripts):
    scripts["gateway"] = "import sys; from icsguard.runtime import systemd; systemd.ready(); sys.exit(1)"
    made.start()
    step_until(made, lambda: made.children["gateway"].starts >= 2)
    assert made.ended is None
    made.stop()


def test_a_gateway_that_an_operator_stopped_stays_down(made, scripts, events):
    scripts["gateway"] = "from icsguard.runtime import systemd; systemd.ready()"
    made.start()
    step_until(made, lambda: made.ended is not None)
    made.step(0.01)
    assert 0 == made.ended
    assert 1 == names(events, "gateway").count("started")
    made.stop()


def test_a_shadow_that_cannot_start_does_not_take_the_gateway_down(made, scripts):
    scripts["shadow"] = "raise SystemExit(1)"
    made.start()
    step_until(made, lambda: made.children["gateway"].ready and made.children["shadow"].starts >= 2)
    assert made.ended is None
    made.stop()


def test_a_hanging_process_is_killed_and_started_again(made, scripts, events, monkeypatch):
    monkeypatch.setattr(supervised, "WATCHDOG_S", 0)
    scripts["shadow"] = HANGING
    made.start()
    step_until(made, lambda: "hangs" in names(events, "shadow") and made.children["shadow"].starts >= 2)
    assert ("ended", "killed by SIGKILL") in [(name, facts.get("how")) for name, facts in events]
    made.stop()


def test_a_process_that_never_fed_a_watchdog_is_not_killed_for_it(made, monkeypatch):
    monkeypatch.setattr(supervised, "WATCHDOG_S", 0)
    made.start()
    step_until(made, lambda: made.is_ready)
    made.step(0.05)
    assert [1, 1, 1] == [child.starts for child in made.children.values()]
    made.stop()


def test_what_does_not_end_is_killed_after_its_time(made, scripts, events, monkeypatch):
    monkeypatch.setattr(supervisor, "DRAIN_S", 0.2)
    scripts["gateway"] = STUBBORN
    made.start()
    step_until(made, lambda: made.is_ready)
    made.stop()
    assert ("killed", {"role": "gateway", "after_s": 0}) in events


def test_who_is_in_a_hurry_does_not_wait_for_the_drain(made, scripts, events):
    scripts["gateway"] = STUBBORN
    made.start()
    step_until(made, lambda: made.is_ready)
    made.hurry = lambda: True
    started = time.monotonic()
    made.stop()
    assert time.monotonic() - started < 3
    assert ("killed", "gateway") in [(name, facts.get("role")) for name, facts in events]


def test_a_second_ctrl_c_does_not_wait(made, scripts, tmp_path):
    del made
    scripts["gateway"] = STUBBORN

    def on_event(name, facts):
        if (name, facts.get("role")) == ("ready", "recorder"):
            for after in (0.05, 0.3):
                threading.Timer(after, os.kill, (os.getpid(), signal.SIGINT)).start()

    started = time.monotonic()
    assert 0 == supervisor.run(tmp_path / "icsguard.toml", on_event)
    assert time.monotonic() - started < 5


def test_a_reload_reaches_all_three(made, tmp_path):
    made.start()
    step_until(made, lambda: made.is_ready)
    made.reload()
    step_until(made, lambda: all((tmp_path / f"{role}.hup").exists() for role in made.children))
    made.stop()


def test_a_stranger_cannot_say_that_a_child_is_ready(made, scripts):
    scripts["shadow"] = "import time; time.sleep(60)"
    made.start()
    step_until(made, lambda: made.children["shadow"].pid)
    environment = made.children["shadow"]._environment
    script = "from icsguard.runtime import systemd; assert systemd.ready()"
    subprocess.run([sys.executable, "-c", script], env=environment, check=True)
    step_until(made, lambda: made.children["gateway"].ready)
    assert not made.children["shadow"].ready
    made.stop()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_run_ends_on_a_signal_with_status_zero(made, number, tmp_path):
    del made
    seen = []

    def on_event(name, facts):
        seen.append((name, facts.get("role")))
        if ("ready", "gateway") in seen and len(seen) == 6:
            threading.Timer(0.05, os.kill, (os.getpid(), number)).start()

    assert 0 == supervisor.run(tmp_path / "icsguard.toml", on_event)
    assert ("stopped", None) == seen[-1]


def test_run_hands_the_status_of_a_refused_start_on(made, scripts, tmp_path):
    del made
    scripts["gateway"] = "raise SystemExit(1)"
    assert 1 == supervisor.run(tmp_path / "icsguard.toml", lambda *_: None)


def test_an_end_is_told_in_words():
    assert ["exit status 1", "killed by SIGSEGV"] == [how(1), how(-11)]
