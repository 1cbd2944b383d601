"""icsguard.toml and the files it names, read and checked for a command: all problems at once, each with its place."""

from __future__ import annotations

from pathlib import Path

from icsguard.cli.exits import CliError, ExitCode
from icsguard.config.settings import Settings


def loaded(path: Path, *, code: ExitCode = ExitCode.ERROR) -> Settings:
    """Return the settings of a configuration without errors. Raises CliError with every problem in its details."""
    from icsguard.config.load import load
    from icsguard.config.problem import Problems
    from icsguard.runtime.files import UnreadableError, read_all

    try:
        files = read_all(path)
    except UnreadableError as error:
        raise unreadable(path, str(error)) from error
    outcome = load(files, str(path))
    if isinstance(outcome, Problems):
        count = len(outcome.items) + outcome.left_off
        text = f"{path}: {count} problem{'s' if count > 1 else ''}, nothing was started or changed"
        raise CliError(text, code=code, name="configuration", details=tuple(str(outcome).splitlines()))
    return outcome


def unreadable(path: Path, why: str) -> CliError:
    """Return the error for a file that cannot be read, with what helps."""
    if not path.exists():
        return CliError(f"there is no configuration at {path}", hint="icsguard init, or name one with -c FILE")
    return CliError(why, code=ExitCode.PERMISSION, hint=f"ls -l {path}")
