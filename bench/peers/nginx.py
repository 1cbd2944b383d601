"""nginx as a TCP relay (stream module): the yardstick that every ratio is against."""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bench.peers.api import Stage, Standing
from bench.process import children, free_port, running, wait_for_port

MODULE: Final = Path("/usr/lib/nginx/modules/ngx_stream_module.so")
CONFIG: Final = """
{module}
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
worker_rlimit_nofile 20000;
events {{ worker_connections 16384; }}
stream {{
    tcp_nodelay on;
    proxy_timeout 1h;
    proxy_connect_timeout 5s;
    {servers}
}}
"""
SERVER: Final = "server {{ listen 127.0.0.1:{port} backlog=4096; proxy_pass 127.0.0.1:{device}; }}"


class Nginx:
    """One worker, no access log, no buffering beyond its own."""

    name = "nginx"

    def __init__(self) -> None:
        self.wrap: list[str] = []

    def absent(self) -> str:
        """Say whether nginx or its stream module is missing."""
        if shutil.which("nginx") is None:
            return "not installed: apt install nginx libnginx-mod-stream"
        built_in = "--with-stream " in self._build() + " "
        return "" if built_in or MODULE.exists() else "no stream module: apt install libnginx-mod-stream"

    def version(self) -> str:
        """Return its version."""
        return self._build().splitlines()[0].rpartition("/")[2]

    @contextlib.contextmanager
    def stand(self, stage: Stage) -> Iterator[Standing]:
        """Start master and worker."""
        ports = {free_port(): stage.device_port}
        if stage.second_port:
            ports[free_port()] = stage.second_port
        servers = "\n    ".join(SERVER.format(port=port, device=device) for port, device in ports.items())
        module = f"load_module {MODULE};" if MODULE.exists() else ""
        config = stage.folder / "nginx.conf"
        config.write_text(CONFIG.format(module=module, folder=stage.folder, servers=servers))
        log = stage.folder / "nginx.log"
        with running([*stage.place.data, "nginx", "-p", str(stage.folder), "-c", str(config)], log) as process:
            first, *more = ports
            wait_for_port(first, process, log)
            yield Standing(
                first,
                (process.pid, *children(process.pid)),
                second_port=more[0] if more else 0,
                actions={"policy reload": lambda: process.send_signal(signal.SIGHUP)},
            )

    @staticmethod
    def _build() -> str:
        done = subprocess.run(["nginx", "-V"], capture_output=True, text=True, check=False)
        return done.stderr
