"""Processes of a run: started, known to be ready, and stopped again whatever happens."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

READY_S: Final = 20.0
STOP_S: Final = 8.0


class NotReadyError(Exception):
    """A process ended or did not listen in time; the text has its last words."""


def start(
    command: Sequence[str], log: Path, *, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> subprocess.Popen[bytes]:
    """Start `command` in a process group of its own, both outputs into `log`."""
    with log.open("ab") as out:
        return subprocess.Popen(
            command,
            stdout=out,
            stderr=out,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **(env or {})},
            cwd=cwd,
            start_new_session=True,
        )


def stop(process: subprocess.Popen[bytes], number: int = signal.SIGTERM) -> None:
    """End a process and what is left of its group."""
    if process.poll() is None:
        process.send_signal(signal.SIGCONT)
        process.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_S)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)  # its own group: nothing that we did not start
    process.wait(STOP_S)


@contextlib.contextmanager
def running(
    command: Sequence[str], log: Path, *, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Have `command` running inside the block."""
    process = start(command, log, env=env, cwd=cwd)
    try:
        yield process
    finally:
        stop(process)


def wait_for_port(port: int, process: subprocess.Popen[bytes], log: Path, wrap: Sequence[str] = ()) -> None:
    """Wait until somebody listens on the loopback port. Raises NotReadyError."""
    until = time.monotonic() + READY_S
    while time.monotonic() < until:
        if process.poll() is not None:
            raise NotReadyError(f"{_name(process)} ended with status {process.returncode}: {last_words(log)}")
        if _listens(port, wrap):
            return
        time.sleep(0.05)
    raise NotReadyError(f"{_name(process)} does not listen on port {port}: {last_words(log)}")


def wait_for_text(text: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until `text` stands in `log`. Raises NotReadyError."""
    until = time.monotonic() + READY_S
    while time.monotonic() < until:
        if text in log.read_text(errors="replace"):
            return
        if process.poll() is not None:
            break
        time.sleep(0.05)
    raise NotReadyError(f"{_name(process)} never said {text!r}: {last_words(log)}")


def last_words(log: Path) -> str:
    """Return the end of a log, on one line."""
    return " | ".join(log.read_text(errors="replace").strip().splitlines()[-3:])[-500:]


def children(pid: int) -> tuple[int, ...]:
    """Return the processes that `pid` started and that still live."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            found += [int(child) for child in (task / "children").read_text().split()]
    return tuple(found)


def free_port() -> int:
    """Return a loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _listens(port: int, wrap: Sequence[str]) -> bool:
    if not wrap:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
            return True
        return False
    done = subprocess.run([*wrap, "ss", "-Hltn", f"sport = :{port}"], capture_output=True, check=False)
    return bool(done.stdout.strip())


def _name(process: subprocess.Popen[bytes]) -> str:
    command = process.args
    return " ".join(map(str, command)) if isinstance(command, list | tuple) else str(command)
