"""The gateway's way to its settings: a child process reads and checks the files (docs/decisions/0002)."""

from __future__ import annotations

import gc
import subprocess
import sys
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from icsguard.config.settings import Settings
from icsguard.runtime.beside import run_beside
from icsguard.runtime.kept_settings import kept
from icsguard.runtime.pieces import assembled, collector_rests, copied, first, pause, wiped

DEADLINE_S: Final = 60.0
"""Ten thousand rules take about a second on a small machine."""
MODULE: Final = "icsguard.runtime.compile_config"


class Compiled(NamedTuple):
    """What the child found."""

    settings: Settings
    packed: bytes | bytearray
    """The same as msgpack, for shadow and recorder."""
    warnings: tuple[str, ...]
    """Lines to show: nothing is wrong enough to stop."""


class CompileError(Exception):
    """The files hold no usable settings; `problems` are the lines to show, each with file, line and hint."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__(problems[0] if problems else "the configuration cannot be read")
        self.problems = problems


def compile_for_start(config: Path) -> Compiled:
    """Return the settings that were checked before where nothing changed since, else those of the child.

    Raises CompileError.
    """
    found = kept(config)
    return compile_now(config) if found is None else Compiled(found.settings, found.packed, found.warnings)


def compile_now(config: Path) -> Compiled:
    """Return the settings, waiting for the child. Raises CompileError."""
    try:
        done = subprocess.run(_command(config), capture_output=True, timeout=DEADLINE_S, check=False)  # noqa: S603 - our own module
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CompileError((f"{config} could not be checked: {error}",)) from error
    lines = _lines(config, done.returncode, done.stderr)
    try:
        packed = bytes(first(memoryview(done.stdout)))
        return Compiled(msgspec.msgpack.decode(packed, type=Settings), packed, lines)
    except (ValueError, msgspec.MsgspecError) as error:
        raise _no_settings(config, error) from error


async def compile_beside(config: Path) -> Compiled:
    """Return the settings, while the loop goes on. Raises CompileError."""
    try:
        ended = await run_beside(_command(config), DEADLINE_S)
    except TimeoutError as error:
        raise CompileError((f"{config} could not be checked within {DEADLINE_S:g} s",)) from error
    except OSError as error:
        raise CompileError((f"{config} could not be checked: {error}",)) from error
    lines = _lines(config, ended.status, bytes(ended.err))
    try:
        with collector_rests():
            settings = await assembled(ended.out)
            gc.freeze()  # it stays: the collector need not look at it
        await pause()
        packed = await copied(first(ended.out))
        await wiped(ended.out)
        return Compiled(settings, packed, lines)
    except (ValueError, IndexError, msgspec.MsgspecError) as error:
        raise _no_settings(config, error) from error


def _command(config: Path) -> list[str]:
    return [sys.executable, "-m", MODULE, str(config)]


def _lines(config: Path, status: int, err: bytes) -> tuple[str, ...]:
    """Return the warnings of a check. Raises CompileError where it found no settings."""
    lines = tuple(line for line in err.decode(errors="replace").splitlines() if line.strip())
    if status != 0:
        raise CompileError(lines or (f"{config} could not be checked (exit status {status})",))
    return lines


def _no_settings(config: Path, error: Exception) -> CompileError:
    return CompileError((f"{config}: the checker gave no settings ({error})",))
