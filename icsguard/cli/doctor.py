"""`icsguard doctor`: is this machine fit to guard the plant?"""

from __future__ import annotations

import typer

from icsguard.cli import show
from icsguard.cli.exits import ExitCode
from icsguard.cli.options import Config, Json, config_path
from icsguard.cli.settings_file import loaded
from icsguard.cli.show import Cell
from icsguard.runtime.doctor import Check, Level, examine

STYLES = {Level.OK: "green", Level.WARN: "yellow", Level.FAIL: "red"}


def doctor(*, config: Config = None, as_json: Json = False) -> None:
    """Check ports, rights, clock, disk, folders and the way to each device; say what fixes what is amiss.

    A device gets one TCP connection, closed again at once; no Modbus request is sent. Exit code 4: something failed.
    """
    path = config_path(config)
    checks = [Check(Level.OK, "configuration", f"{path} has no errors")]
    checks += examine(loaded(path), path)
    if as_json:
        show.as_json([check._asdict() for check in checks])
    else:
        for check in checks:
            print_check(check)
    if any(check.level is Level.FAIL for check in checks):
        raise typer.Exit(ExitCode.FINDING)


def print_check(check: Check) -> None:
    """Print one check, and below it the command that fixes it."""
    show.parts(Cell(f"{check.level:<4}", STYLES[check.level]), f"{check.name:<14}", check.text)
    if check.fix and check.level is not Level.OK:
        show.line(f"      try: {check.fix}", style="cyan")
