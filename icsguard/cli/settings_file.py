"""icsguard.toml and the files it names, read and checked for a command: all problems at once, each with its place."""

from __future__ import annotations

from pathlib import Path

from icsguard.cli.exits import CliError, ExitCode
from icsguard.config.settings import Settings
from icsguard.runtime.compiler import CompileError, compile_now


def loaded(path: Path) -> Settings:
    """Return the settings of a configuration without errors. Raises CliError with every problem in its details."""
    if not path.exists():
        raise CliError(f"there is no configuration at {path}", hint="icsguard init, or name one with -c FILE")
    if not readable(path):
        raise CliError(f"{path} may not be read by this user", hint=f"ls -l {path}", code=ExitCode.PERMISSION)
    try:
        settings, _packed = compile_now(path)
    except CompileError as error:
        text = f"{path} is not usable, so nothing was started or changed:"
        hint = f"icsguard config check -c {path}"
        raise CliError(text, name="configuration", details=error.problems, hint=hint) from error
    return settings


def readable(path: Path) -> bool:
    """Say whether this user may read a file that exists."""
    try:
        path.open("rb").close()
    except PermissionError:
        return False
    except OSError:
        return True  # the reader of the configuration says what it is
    return True
