"""Options that many commands share, so that they are spelled, explained and defaulted the same everywhere."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Final

import typer

from icsguard.cli.exits import CliError, ExitCode
from icsguard.control.requests import MAX_REASON

SYSTEM_CONFIG: Final = Path("/etc/icsguard/icsguard.toml")
LOCAL_CONFIG: Final = Path("icsguard.toml")

Json = Annotated[bool, typer.Option("--json", help="Print JSON with stable names instead of a table.")]
Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        help="icsguard.toml; default: $ICSGUARD_CONFIG, ./icsguard.toml, then /etc/icsguard/icsguard.toml.",
        show_default=False,
    ),
]
Reason = Annotated[str, typer.Option("--reason", "-r", help="Why; recorded with your name.", show_default=False)]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask (for scripts).")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]


def config_path(given: Path | None) -> Path:
    """Return the configuration file to use, whether or not it exists."""
    if given is not None:
        return given
    if named := os.environ.get("ICSGUARD_CONFIG"):
        return Path(named)
    return LOCAL_CONFIG if LOCAL_CONFIG.is_file() or not SYSTEM_CONFIG.is_file() else SYSTEM_CONFIG


def checked_reason(reason: str) -> str:
    """Return the reason without blanks around it; raise CliError (usage) where there is none or far too much."""
    text = reason.strip()
    if not text:
        raise CliError("a reason is needed: it is kept with the change", hint='-r "why"', code=ExitCode.USAGE)
    if len(text) > MAX_REASON:
        raise CliError(f"a reason has at most {MAX_REASON} characters", code=ExitCode.USAGE)
    return text
