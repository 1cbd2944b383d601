"""HAProxy as a TCP relay."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from typing import Final

from bench.peers.api import Stage, Standing
from bench.process import free_port, running, wait_for_port

CONFIG: Final = """
global
    nbthread 1
    maxconn 4000
defaults
    mode tcp
    timeout connect 5s
    timeout client 1h
    timeout server 1h
    backlog 4096
"""
LISTEN: Final = """
listen cell{index}
    bind 127.0.0.1:{port}
    server device 127.0.0.1:{device}
"""


class Haproxy:
    """One thread, one server, no log."""

    name = "haproxy"

    def __init__(self) -> None:
        self.wrap: list[str] = []

    def absent(self) -> str:
        """Say whether it is missing."""
        return "" if shutil.which("haproxy") else "not installed: apt install haproxy"

    def version(self) -> str:
        """Return its version."""
        done = subprocess.run(["haproxy", "-v"], capture_output=True, text=True, check=False)
        return done.stdout.split()[2]

    @contextlib.contextmanager
    def stand(self, stage: Stage) -> Iterator[Standing]:
        """Start it in the foreground."""
        ports = [free_port(), free_port() if stage.second_port else 0]
        pairs = zip(ports, (stage.device_port, stage.second_port), strict=True)
        listens = [LISTEN.format(index=port, port=port, device=device) for port, device in pairs if port]
        config = stage.folder / "haproxy.cfg"
        config.write_text(CONFIG + "".join(listens))
        log = stage.folder / "haproxy.log"
        with running([*stage.place.data, "haproxy", "-db", "-f", str(config)], log) as process:
            wait_for_port(ports[0], process, log)
            yield Standing(ports[0], (process.pid,), second_port=ports[1])
