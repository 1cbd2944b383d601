"""The fake device as a process, and its count of what really arrived."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from bench.process import running, wait_for_text

ANSWER_S: Final = 3.0


@dataclass(frozen=True, slots=True)
class Arrived:
    """Counters since the device started."""

    requests: int
    reads: int
    writes: int
    exceptions: int
    malformed: int
    bad_header: int
    forbidden: int
    """What the rules forbid and yet arrived."""
    accepted: int
    undelayed: int
    functions: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Device:
    """One running device process."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    def arrived(self) -> Arrived:
        """Ask for the counters. Raises TimeoutError."""
        before = _lines(self.log)
        self.process.send_signal(signal.SIGUSR1)
        until = time.monotonic() + ANSWER_S
        while time.monotonic() < until:
            lines = _lines(self.log)
            if len(lines) > len(before):
                return msgspec.json.decode(lines[-1], type=Arrived)
            time.sleep(0.005)
        raise TimeoutError("the device does not tell its counters")

    def hang(self) -> None:
        """Stop answering; connections stay open."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Answer again, first of all what waited."""
        self.process.send_signal(signal.SIGCONT)


@contextlib.contextmanager
def device(programs: Path, port: int, log: Path, *, prefix: Sequence[str] = (), delay_us: int = 0) -> Iterator[Device]:
    """Have a fake device on `port` inside the block. Raises NotReadyError."""
    log.unlink(missing_ok=True)
    command = [*prefix, str(programs / "device"), "--port", str(port), "--delay-us", str(delay_us)]
    with running(command, log) as process:
        wait_for_text('{"listening":true}', process, log)
        yield Device(process, port, log)


def _lines(log: Path) -> list[str]:
    text = log.read_text(errors="replace")
    return [line for line in text[: text.rfind("\n") + 1].splitlines() if line.startswith("{")]
