"""icsguard.toml and the files it names, read and checked for a command: all problems at once, each with its place."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from icsguard.cli import show
from icsguard.cli.exits import CliError, ExitCode
from icsguard.config.settings import Settings

if TYPE_CHECKING:
    from icsguard.config.problem import Problem


def loaded(path: Path) -> Settings:
    """Return the settings of a configuration without errors; note its warnings.

    Raises CliError with every problem in its details.
    """
    settings, problems = checked(path)
    if settings is None:
        text = f"{path} is not usable, so nothing was started or changed:"
        hint = f"icsguard config check -c {path}"
        raise CliError(text, name="configuration", details=tuple(map(str, problems)), hint=hint)
    for problem in problems:
        show.note(str(problem))
    return settings


def checked(path: Path) -> tuple[Settings | None, tuple[Problem, ...]]:
    """Return the settings of a configuration, None where it has errors; and every error and warning."""
    if not path.exists():
        raise CliError(f"there is no configuration at {path}", hint="icsguard init, or name one with -c FILE")
    if not readable(path):
        raise CliError(f"{path} may not be read by this user", hint=f"ls -l {path}", code=ExitCode.PERMISSION)
    from icsguard.runtime.files import check_config

    return check_config(path)


def readable(path: Path) -> bool:
    """Say whether this user may read a file that exists."""
    try:
        path.open("rb").close()
    except PermissionError:
        return False
    except OSError:
        return True  # the reader of the configuration says what it is
    return True


def report(problems: tuple[Problem, ...], what: str, *, as_json: bool) -> bool:
    """Show every problem with its place and hint, and what was checked; return whether any of them is an error."""
    errors = sum(problem.severity == "error" for problem in problems)
    if as_json:
        show.as_json({"checked": what, "errors": errors, "problems": problems})
        return errors > 0
    for problem in problems:
        show.line(str(problem), style="red" if problem.severity == "error" else "yellow")
    if errors:
        show.note(f"{what}: {errors} error{'s' if errors > 1 else ''}")
    else:
        show.line(f"{what}: no errors")
    return errors > 0
