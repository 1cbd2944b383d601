"""icsguard as the demo runs it: the very supervisor of `icsguard run`, with a configuration of a dozen lines.

The demo talks to it as an operator does, over the control socket, and looks at the records that it writes.
"""

from __future__ import annotations

import asyncio
import functools
import os
import socket
import sys
from pathlib import Path
from typing import Final

from icsguard.control.replies import Failure, Reply, Status
from icsguard.control.requests import GetStatus, Request
from icsguard.lab.attacks.scene import HMI, STATION
from icsguard.lab.cell import points_csv
from icsguard.runtime.child import end_with_parent
from icsguard.runtime.control_client import ControlError, ask

CONDUIT: Final = "cell"
READY_S: Final = 40.0
"""Three interpreters start at once; onnxruntime alone takes a second, more on a busy machine."""
STOP_S: Final = 20.0
HORIZON_S: Final = 15.0
"""How far writes are rolled out, in wall time: two and a half minutes of plant time."""
_POLICY_FILE: Final = "cell.policy.toml"
POINTS_FILE: Final = "cell.points.csv"
_LOOK_S: Final = 0.1


class GuardError(Exception):
    """icsguard did not do what the demo needs; the message says what and where its log is."""


class Guarding:
    """One running icsguard in a folder of its own. Use `start`, `ask`, `stop`."""

    def __init__(self, folder: Path, device_port: int) -> None:
        self.folder = folder
        self.port = free_port()
        """Where clients connect."""
        self.config = folder / "icsguard.toml"
        self.policy = folder / _POLICY_FILE
        self.state = folder / "state"
        self.control = folder / "run" / "control.sock"
        self.log = folder / "icsguard.log"
        self._device_port = device_port
        self._process: asyncio.subprocess.Process | None = None
        (folder / POINTS_FILE).write_text(points_csv(), encoding="utf-8")
        self.config.write_text(self._config_text(), encoding="utf-8")

    def _config_text(self) -> str:
        """Return icsguard.toml; `icsguard learn --accept` adds the policy."""
        return (
            f"{self._beginning()}"
            'mode = "learn"\n'
            f"[conduit.{CONDUIT}.isolation]\n"
            f'never = ["{HMI}", "{STATION}"]\n'
            "[shadow]\n"
            f"horizon_s = {HORIZON_S}\n"
        )

    def _beginning(self) -> str:
        """Return the part that says who stands where: gateway and conduit, up to where more keys of it may follow."""
        return (
            "[gateway]\n"
            'name = "demo"\n'
            f'state = "{self.state}"\n'
            f'run = "{self.control.parent}"\n'
            f"[conduit.{CONDUIT}]\n"
            f'listen = "127.0.0.1:{self.port}"\n'
            f'device = "127.0.0.1:{self._device_port}"\n'
            f'points = "{POINTS_FILE}"\n'
            "judge_deadline_ms = 100  # a busy laptop; the default is 20\n"
        )

    async def start(self) -> None:
        """Start the supervisor and wait until gateway, shadow and recorder are up. Raises GuardError."""
        self.state.mkdir(parents=True, exist_ok=True)
        self.control.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "icsguard.runtime.supervisor", "--config", str(self.config)),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=functools.partial(end_with_parent, os.getpid()),  # a killed demo leaves nothing behind
            )
        for _ in range(round(READY_S / _LOOK_S)):
            if await self._is_up():
                return
            await asyncio.sleep(_LOOK_S)
        await self.stop()
        raise GuardError(f"icsguard did not start within {READY_S:g} s{self._last_words()}")

    async def ask(self, request: Request) -> Reply:
        """Ask as an operator does. Raises GuardError where it is not done."""
        try:
            reply = await asyncio.to_thread(ask, self.control, request, 30.0)
        except ControlError as error:
            raise GuardError(f"{error}{self._last_words()}") from error
        if isinstance(reply, Failure):
            raise GuardError("; ".join((reply.text, *reply.details)))
        return reply

    async def status(self) -> Status:
        """Return how everything is. Raises GuardError."""
        reply = await self.ask(GetStatus())
        if not isinstance(reply, Status):
            raise GuardError(f"asked for the status, got {type(reply).__name__}")
        return reply

    async def stop(self) -> None:
        """Stop icsguard and wait for its end; kill it where it does not end."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), STOP_S)
        except TimeoutError:
            process.kill()
            await process.wait()

    async def _is_up(self) -> bool:
        if self._process and self._process.returncode is not None:
            raise GuardError(f"icsguard ended with exit status {self._process.returncode}{self._last_words()}")
        try:
            status = await self.status()
        except GuardError:
            return False
        return bool(status.parts) and all(part.state == "up" for part in status.parts)

    def _last_words(self) -> str:
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines() if self.log.exists() else []
        return f"; its last words: {lines[-1]} (all of them in {self.log})" if lines else ""


def free_port() -> int:
    """Return a TCP port of the loopback interface that nobody has at the moment."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port
