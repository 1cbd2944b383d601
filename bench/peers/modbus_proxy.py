"""modbus-proxy from PyPI: what users take today to share a device among clients. Pure Python, asyncio streams."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bench.build import OUTPUT
from bench.peers.api import Stage, Standing
from bench.process import free_port, running, wait_for_port

PACKAGES: Final = ("modbus-proxy==0.8.0", "pyyaml==6.0.3")
"""pyyaml reads its configuration; the package asks for it as an extra only."""
CONFIG: Final = """
devices:
  - modbus:
      url: 127.0.0.1:{device}
      timeout: 10
    listen:
      bind: 127.0.0.1:{port}
logging:
  version: 1
  handlers:
    console:
      class: logging.StreamHandler
  root:
    handlers: [console]
    level: ERROR
"""


class ModbusProxy:
    """One device connection for all clients, one request at a time."""

    name = "modbus-proxy"

    def __init__(self, venv: Path = OUTPUT / "modbus-proxy-venv") -> None:
        self.wrap: list[str] = []
        self._venv = venv
        self._why = ""

    def absent(self) -> str:
        """Say why it cannot be installed; it goes into an environment of its own under build/."""
        if not self._why and not self._program.exists():
            self._why = self._install()
        return self._why

    def version(self) -> str:
        """Return its version."""
        return PACKAGES[0].rpartition("=")[2]

    @contextlib.contextmanager
    def stand(self, stage: Stage) -> Iterator[Standing]:
        """Start it."""
        port = free_port()
        config = stage.folder / "modbus-proxy.yml"
        config.write_text(CONFIG.format(port=port, device=stage.device_port))
        log = stage.folder / "modbus-proxy.log"
        with running([*stage.place.data, str(self._program), "-c", str(config)], log) as process:
            wait_for_port(port, process, log)
            yield Standing(port, (process.pid,))

    @property
    def _program(self) -> Path:
        return self._venv / "bin" / "modbus-proxy"

    def _install(self) -> str:
        python = self._venv / "bin" / "python"
        for command in (
            [sys.executable, "-m", "venv", str(self._venv)],
            [str(python), "-m", "pip", "install", "--quiet", *PACKAGES],
        ):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                return f"cannot be installed: {done.stderr.strip().splitlines()[-1] if done.stderr.strip() else '?'}"
        return ""
