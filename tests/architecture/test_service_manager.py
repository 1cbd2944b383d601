"""What the systemd units promise for each process: it says that it is ready, feeds its watchdog, and ends when told."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROLES = ("gateway", "shadow", "recorder")
READY_S = 25.0  # a loaded machine imports slowly; unloaded it is about one
WATCHDOG_S = 10.0  # as in the units: fed at least once in this time
END_S = 12.0  # below TimeoutStopSec


class Manager:
    """The service manager's end of sd_notify."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))

    def hears(self, wanted: str, within_s: float, process: subprocess.Popen) -> bool:
        """Whether the process says `wanted` in time; a process that ended says nothing more."""
        deadline = time.monotonic() + within_s
        self.socket.settimeout(0.1)
        while time.monotonic() < deadline:
            try:
                said = self.socket.recv(4096).decode().split("\n")
            except TimeoutError:
                if process.poll() is not None:
                    return False
                continue
            if wanted in said:
                return True
        return False


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short path: the name of a UNIX socket has at most 107 bytes."""
    made = Path(tempfile.mkdtemp(prefix="icsg-"))
    yield made
    shutil.rmtree(made)


@pytest.fixture
def config(folder: Path) -> Path:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    file = folder / "icsguard.toml"
    file.write_text(
        f'[gateway]\nstate = "{folder}/state"\nrun = "{folder}/run"\n'
        f'[conduit.plc1]\nlisten = "127.0.0.1:{port}"\ndevice = "127.0.0.1:9"\nmode = "observe"\n',
    )
    return file


@pytest.fixture
def manager(folder: Path) -> Iterator[Manager]:
    made = Manager(folder / "notify")
    yield made
    made.socket.close()


@pytest.fixture(params=ROLES)
def process(request, config: Path, manager: Manager) -> Iterator[subprocess.Popen]:
    environment = os.environ | {
        "NOTIFY_SOCKET": str(manager.path),
        "WATCHDOG_USEC": str(int(WATCHDOG_S * 1_000_000)),
    }
    environment.pop("WATCHDOG_PID", None)
    command = [sys.executable, "-m", f"icsguard.runtime.{request.param}", "--config", str(config)]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as started:
        yield started
        if started.poll() is None:
            started.kill()


def test_a_process_is_ready_feeds_its_watchdog_and_ends_when_told(process, manager):
    if not manager.hears("READY=1", READY_S, process):
        process.kill()
        pytest.fail(f"never ready; it said: {process.stderr.read()}")
    assert manager.hears("WATCHDOG=1", WATCHDOG_S, process)
    process.send_signal(signal.SIGTERM)
    assert 0 == process.wait(END_S)
