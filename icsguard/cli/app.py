"""The command line as a whole: which commands there are, and how each of them ends."""

from __future__ import annotations

import os
import sys
import traceback
from typing import Final

import typer

from icsguard.cli import (
    config,
    demo,
    doctor,
    explain,
    grant,
    init,
    isolate,
    learn,
    mode,
    points,
    policy,
    records,
    replay,
    run,
    sessions,
    show,
    status,
    ticket,
    version,
)
from icsguard.cli.exits import CliError, ExitCode

ABOUT: Final = """An inline security gateway for Modbus/TCP with a shadow twin that tries each write first.

First steps:  icsguard demo   (a plant, attacks and a report, on this machine alone)
              icsguard init   then   icsguard doctor   then   icsguard run

Exit codes: 0 ok, 1 error, 2 usage, 3 not running, 4 finding, 5 permission, 130 interrupted.
"""

app: Final = typer.Typer(
    name="icsguard",
    help=ABOUT,
    no_args_is_help=True,
    rich_markup_mode=None,  # plain help: no import of rich, and the same text on every terminal
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for name, command in (
    ("demo", demo.demo),
    ("init", init.init),
    ("doctor", doctor.doctor),
    ("run", run.run),
    ("status", status.status),
    ("sessions", sessions.sessions),
    ("points", points.points),
    ("records", records.records),
    ("explain", explain.explain),
    ("isolate", isolate.isolate),
    ("release", isolate.release),
    ("tickets", ticket.tickets),
    ("approve", ticket.approve),
    ("deny", ticket.deny),
    ("mode", mode.mode),
    ("learn", learn.learn),
    ("replay", replay.replay),
    ("version", version.version),
):
    app.command(name)(command)
app.add_typer(policy.app, name="policy")
app.add_typer(grant.app, name="grant")
app.add_typer(config.app, name="config")


def main() -> None:
    """Run the command line; every end has a documented exit code, and no user ever sees a traceback."""
    try:
        app()
    except CliError as error:
        sys.exit(_failed(error))
    except Exception as error:  # noqa: BLE001 - the outermost edge: our own bug becomes one line
        if os.environ.get("ICSGUARD_DEBUG"):
            traceback.print_exc()
        bug = CliError(
            f"this command failed: {type(error).__name__}: {error}",
            hint="run it again with ICSGUARD_DEBUG=1 in the environment and report what it prints",
            name="bug",
        )
        sys.exit(_failed(bug))


def _failed(error: CliError) -> ExitCode:
    """Say what went wrong where the caller looks for it, and return the exit code."""
    if "--json" in sys.argv:
        show.as_json(
            {"error": {"code": error.name, "text": error.text, "hint": error.hint, "details": error.details}},
        )
        return error.code
    show.note(f"icsguard: {error.text}")
    for detail in error.details:
        show.note(f"  {detail}")
    if error.hint:
        show.note(f"  try: {error.hint}")
    return error.code
