"""`icsguard run`: the three processes on one machine without a service manager (laptop, container, demo).

Under systemd each process is its own unit and this module is not used. The supervisor itself does next to nothing,
so that nothing in it can fail: it starts, waits, starts again, and stops the gateway first so that it can drain.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import selectors
import signal
import socket
import struct
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Final

from icsguard.core.clock import MS, SECOND
from icsguard.runtime import log, systemd
from icsguard.runtime.clock import Clock
from icsguard.runtime.supervised import ROLES, Supervised

DRAIN_S: Final = 10.0  # the gateway may finish what is in flight: longest device timeout and then some
FLUSH_S: Final = 5.0  # recorder and shadow write down what they have; then they are killed
HEAD_START_NS: Final = SECOND
"""The gateway starts alone for so long, or until it is ready: where it refuses to start, nobody else says a word."""
MAX_WAIT_S: Final = 1.0  # between two looks at the watchdogs
LOOK_S: Final = 0.1  # while something drains: has it ended, or does the operator want it killed?
MAX_NOTE: Final = 4096  # bytes of one notification
_CREDENTIALS: Final = struct.Struct("3i")

LOG: Final = log.get_logger("icsguard.supervisor")

OnEvent = Callable[[str, dict[str, str | int]], None]
"""Called with what happened (`started`, `ready`, `ended`, `hangs`, `stopped`, …) and its facts."""


def log_event(event: str, facts: dict[str, str | int]) -> None:
    """Write an event to the log: a warning where somebody should look."""
    (LOG.warning if event in {"ended", "hangs", "killed"} else LOG.info)(event, **facts)


class Supervisor:
    """Starts the three processes and keeps them running. All methods belong to the thread that made it.

    `start()`, then `step()` in a loop until `ended` is set or it is time to `stop()`.
    """

    def __init__(self, config: Path, *, on_event: OnEvent = log_event) -> None:
        self.ended: int | None = None
        """Exit status of a gateway that shall not be started again: an operator stopped it (0), or it ended by itself
        before it was ever ready (bad options, port in use)."""
        self.hurry: Callable[[], bool] = lambda: False
        """Asked while `stop` waits: shall what still drains be killed at once?"""
        self._on_event = on_event
        self._stopped = False
        self._clock = Clock()
        self._notes = _notify_listener()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._notes, selectors.EVENT_READ)
        self._watched: dict[str, int] = {}
        name = "@" + self._notes.getsockname()[1:].decode()
        self.children = {role: Supervised(role, config, notify_socket=name) for role in ROLES}

    @property
    def is_ready(self) -> bool:
        """Say whether all three processes are ready."""
        return all(child.ready for child in self.children.values())

    def start(self) -> None:
        """Start the gateway; the others follow, and all become ready, during the `step`s that follow."""
        self._follow(self._clock.now() + HEAD_START_NS)
        self._start_due()

    def wake_on(self, descriptor: socket.socket) -> None:
        """Have `step` return early when `descriptor` becomes readable (a signal came)."""
        self._selector.register(descriptor, selectors.EVENT_READ, descriptor)

    def step(self, seconds: float = MAX_WAIT_S) -> None:
        """Wait for something to happen, at most `seconds`, and do what is due."""
        for key, _ in self._selector.select(min(seconds, self._until_due())):
            if isinstance(key.data, socket.socket):
                key.data.recv(MAX_NOTE)
        self._hear()
        self._reap()
        self._kill_hanging()
        if self.ended is None:
            self._start_due()

    def reload(self) -> None:
        """Have all three read their options again; on any error they keep the old ones and say so."""
        for child in self.children.values():
            child.send(signal.SIGHUP)
        self._on_event("reload", {})

    def stop(self) -> None:
        """Drain and stop: first the gateway, then those that write down what it said. Once is enough."""
        if self._stopped:
            return
        self._stopped = True
        for roles, seconds in ((("gateway",), DRAIN_S), (("shadow", "recorder"), FLUSH_S)):
            for role in roles:
                self.children[role].send(signal.SIGTERM)
            for role in roles:
                self._end(self.children[role], seconds)
        self._close()
        self._on_event("stopped", {})

    def _end(self, child: Supervised, seconds: float) -> None:
        started = self._clock.now()
        while not child.wait(LOOK_S):
            waited_s = (self._clock.now() - started) / SECOND
            if waited_s >= seconds or self.hurry():
                self._on_event("killed", {"role": child.role, "after_s": int(waited_s)})
                child.send(signal.SIGKILL)
                child.wait(FLUSH_S)
                return

    def _close(self) -> None:
        for descriptor in self._watched.values():
            os.close(descriptor)
        self._watched.clear()
        self._selector.close()
        self._notes.close()

    def _start_due(self) -> None:
        now = self._clock.now()
        for child in self.children.values():
            if child.due is None or child.due > now:
                continue
            child.start(now)
            self._watch(child)
            self._on_event("started", {"role": child.role, "pid": child.pid or 0, "starts": child.starts})

    def _follow(self, at: int) -> None:
        """Have those that were never started start at this moment."""
        for child in self.children.values():
            if child.role != "gateway" and child.starts == 0:
                child.due = at

    def _watch(self, child: Supervised) -> None:
        descriptor = os.pidfd_open(child.pid or 0)
        self._watched[child.role] = descriptor
        self._selector.register(descriptor, selectors.EVENT_READ)

    def _until_due(self) -> float:
        now = self._clock.now()
        waits = [max(child.due - now, MS) / SECOND for child in self.children.values() if child.due is not None]
        return min([MAX_WAIT_S, *waits])

    def _hear(self) -> None:
        by_pid = {child.pid: child for child in self.children.values()}
        for pid, states in _notes(self._notes):
            child = by_pid.get(pid)
            if child is not None and child.heard(states, self._clock.now()):
                self._on_event("ready", {"role": child.role, "pid": pid})
                if child.role == "gateway":
                    self._follow(self._clock.now())

    def _reap(self) -> None:
        for child in self.children.values():
            pid = child.pid or 0
            status = child.ended(self._clock.now())
            if status is None:
                continue
            descriptor = self._watched.pop(child.role)
            self._selector.unregister(descriptor)
            os.close(descriptor)
            if child.role == "gateway" and (status == 0 or (status > 0 and not child.was_ready)):
                self.ended = status  # it has said why in one line; a restart would only say it again
            else:
                self._on_event("ended", {"role": child.role, "pid": pid, "how": how(status)})

    def _kill_hanging(self) -> None:
        for child in self.children.values():
            if child.hangs(self._clock.now()):
                self._on_event("hangs", {"role": child.role, "pid": child.pid or 0})
                child.send(signal.SIGKILL)


def how(status: int) -> str:
    """Say how a process ended."""
    return f"exit status {status}" if status >= 0 else f"killed by {signal.Signals(-status).name}"


def run(config: Path, on_event: OnEvent = log_event) -> int:
    """Supervise until SIGTERM or SIGINT; SIGHUP reloads. Return the exit status. Needs the main thread.

    The first SIGINT (Ctrl-C) drains, a second one does not wait.
    """
    supervisor = Supervisor(config, on_event=on_event)
    with _signals() as (received, waker):
        supervisor.wake_on(waker)
        supervisor.start()
        was_ready = False
        supervisor.hurry = lambda: received[signal.SIGINT] > 1
        while supervisor.ended is None and not received[signal.SIGTERM] + received[signal.SIGINT]:
            supervisor.step()
            if received.pop(signal.SIGHUP, 0):
                supervisor.reload()
            if supervisor.is_ready and not was_ready:
                was_ready = systemd.ready() or True  # where `run` itself is under a service manager
        systemd.stopping()
        supervisor.stop()
    return supervisor.ended or 0


@contextlib.contextmanager
def _signals() -> Iterator[tuple[Counter[int], socket.socket]]:
    """Count the signals that mean something to us, and give a socket that wakes the loop when one comes."""
    received: Counter[int] = Counter()

    def note(number: int, _frame: FrameType | None) -> None:
        received[number] += 1

    waker, sender = socket.socketpair()
    waker.settimeout(0)
    sender.settimeout(0)
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    before = {number: signal.signal(number, note) for number in numbers}
    wakeup_before = signal.set_wakeup_fd(sender.fileno(), warn_on_full_buffer=False)
    try:
        yield received, waker
    finally:
        signal.set_wakeup_fd(wakeup_before)
        for number, handler in before.items():
            signal.signal(number, handler)
        waker.close()
        sender.close()


def _notify_listener() -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)  # so a stranger cannot speak for a child
    listener.settimeout(0)
    listener.bind("")  # Linux chooses a free abstract name: no file to clean up
    return listener


def _notes(listener: socket.socket) -> Iterator[tuple[int, list[str]]]:
    """Yield the sender's process id and the states of each notification that waits."""
    while True:
        try:
            data, ancillary, _flags, _address = listener.recvmsg(MAX_NOTE, socket.CMSG_SPACE(_CREDENTIALS.size))
        except OSError:
            return
        for level, kind, raw in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS):
                yield _CREDENTIALS.unpack(raw[: _CREDENTIALS.size])[0], data.decode(errors="replace").splitlines()


def main(argv: Sequence[str]) -> int:
    """Run the supervisor alone: `python -m icsguard.runtime.supervisor --config icsguard.toml`."""
    parser = argparse.ArgumentParser(prog="icsguard.runtime.supervisor")
    parser.add_argument("--config", type=Path, required=True)
    options = parser.parse_args(argv)
    log.configure("supervisor")
    return run(options.config)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
