"""Asking before something reaches the plant: the consequence in plain words, and a name to type."""

from __future__ import annotations

import sys

import typer

from icsguard.cli import show
from icsguard.cli.exits import CliError, ExitCode


def confirm(consequence: str, word: str, *, yes: bool) -> None:
    """State the physical consequence and wait until `word` is typed; `yes` is for scripts.

    Raises CliError where something else is typed, or where nobody can type.
    """
    show.note(consequence)
    if yes:
        return
    if not sys.stdin.isatty():
        raise CliError("nobody can confirm this: the input is no terminal", hint="add --yes", code=ExitCode.USAGE)
    typed = typer.prompt(f"type {word} to go on", err=True, default="", show_default=False)
    if typed.strip() != word:
        raise CliError("nothing was changed: the typed word is another one")
