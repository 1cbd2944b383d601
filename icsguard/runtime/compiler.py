"""The gateway's way to its settings: a child process reads and checks the files (docs/decisions/0002)."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Final

import msgspec

from icsguard.config.settings import Settings

DEADLINE_S: Final = 60.0
"""Ten thousand rules take about a second on a small machine."""
MODULE: Final = "icsguard.runtime.compile_config"


class CompileError(Exception):
    """The files hold no usable settings; `problems` are the lines to show, each with file, line and hint."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__(problems[0] if problems else "the configuration cannot be read")
        self.problems = problems


def compile_now(config: Path) -> tuple[Settings, bytes]:
    """Return the settings, and as msgpack, waiting for the child. Raises CompileError."""
    try:
        done = subprocess.run(_command(config), capture_output=True, timeout=DEADLINE_S, check=False)  # noqa: S603 - our own module
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CompileError((f"{config} could not be checked: {error}",)) from error
    return _result(config, done.returncode, done.stdout, done.stderr)


async def compile_beside(config: Path) -> tuple[Settings, bytes]:
    """Return the settings, and as msgpack, while the loop goes on. Raises CompileError."""
    child = await asyncio.create_subprocess_exec(
        *_command(config),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        out, err = await asyncio.wait_for(child.communicate(), DEADLINE_S)
    except TimeoutError as error:
        child.kill()
        await child.wait()
        raise CompileError((f"{config} could not be checked within {DEADLINE_S:g} s",)) from error
    return _result(config, child.returncode or 0, out, err)


def _command(config: Path) -> list[str]:
    return [sys.executable, "-m", MODULE, str(config)]


def _result(config: Path, status: int, out: bytes, err: bytes) -> tuple[Settings, bytes]:
    if status != 0:
        lines = [line for line in err.decode(errors="replace").splitlines() if line.strip()]
        raise CompileError(tuple(lines) or (f"{config} could not be checked (exit status {status})",))
    try:
        return msgspec.msgpack.decode(out, type=Settings), out
    except msgspec.MsgspecError as error:
        raise CompileError((f"{config}: the checker gave no settings ({error})",)) from error
