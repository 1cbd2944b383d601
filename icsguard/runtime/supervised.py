"""One supervised process: started, ready, ended, to be started again, or found to hang."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from icsguard.core.clock import SECOND
from icsguard.runtime.backoff import BESIDE, GATEWAY, Failures

WATCHDOG_S: Final = 10
"""A process that fed its watchdog once and then is silent for so long hangs: it is killed and started again."""
ROLES: Final = ("gateway", "recorder", "shadow")
"""In this order they start: the gateway opens the sockets that the others connect to."""


class Supervised:
    """A process of icsguard under a supervisor. Moments are steady nanoseconds."""

    def __init__(self, role: str, config: Path, *, notify_socket: str) -> None:
        self.role = role
        self.ready = False
        """It said READY=1 since its last start."""
        self.was_ready = False
        """It was ready once, in any of its lives."""
        self.starts = 0
        self.started = 0
        self.due: int | None = 0
        """When to start it (again); None while it runs or shall stay down."""
        self._fed: int | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._failures = Failures(GATEWAY if role == "gateway" else BESIDE)
        self._config = config
        self._environment = child_environment(os.environ, notify_socket)

    @property
    def pid(self) -> int | None:
        """Process id; None while it is down."""
        return None if self._process is None else self._process.pid

    def start(self, now: int) -> None:
        """Start the process. It has its own process group: Ctrl-C reaches the supervisor alone, which drains."""
        self.ready, self._fed, self.due = False, None, None
        self.started, self.starts = now, self.starts + 1
        command = child_command(f"icsguard.runtime.{self.role}", ["--config", str(self._config)])
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            command, env=self._environment, stdin=subprocess.DEVNULL, process_group=0
        )

    def heard(self, states: Sequence[str], now: int) -> bool:
        """Take what the process said of itself; return True where it just became ready."""
        if "WATCHDOG=1" in states:
            self._fed = now
        if "READY=1" in states and not self.ready:
            self.ready = self.was_ready = True
            return True
        return False

    def ended(self, now: int) -> int | None:
        """Return the exit status if the process ended (negative: by that signal), and plan its restart."""
        status = None if self._process is None else self._process.poll()
        if status is not None:
            self._process = None
            self.due = self._failures.ended(self.started, now)
        return status

    def hangs(self, now: int) -> bool:
        """Say whether the process once fed its watchdog and then stopped to."""
        return self._process is not None and self._fed is not None and now - self._fed > WATCHDOG_S * SECOND

    def send(self, number: signal.Signals) -> None:
        """Send a signal, if it runs."""
        if self._process is not None:
            self._process.send_signal(number)

    def wait(self, seconds: float) -> bool:
        """Wait for its end at most so long; say whether it is down."""
        if self._process is None:
            return True
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        self._process = None
        return True


def child_command(module: str, arguments: Sequence[str]) -> list[str]:
    """Return the command line of a module that ends with this process."""
    return [sys.executable, "-m", "icsguard.runtime.child", str(os.getpid()), module, *arguments]


def child_environment(environment: Mapping[str, str], notify_socket: str) -> dict[str, str]:
    """Return the environment of a child: our own, with this supervisor as its service manager."""
    kept = {name: value for name, value in environment.items() if name != "WATCHDOG_PID"}
    return kept | {"NOTIFY_SOCKET": notify_socket, "WATCHDOG_USEC": str(WATCHDOG_S * 1_000_000)}
