"""The command line as a whole: which commands there are, and how each of them ends.

Only the module of the command that was typed is imported: an operator in a hurry does not wait for the others.
"""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from collections.abc import Iterable, Sequence
from types import ModuleType
from typing import Final, NamedTuple

import typer

from icsguard.cli import show
from icsguard.cli.exits import CliError, ExitCode

ABOUT: Final = """An inline security gateway for Modbus/TCP and OPC UA with a shadow twin that tries each write first.

First steps: `icsguard demo` (a plant, attacks and a report, on this machine alone), or for a real PLC `icsguard init`,
`icsguard doctor`, `icsguard run`. Every command has --help, those that show something have --json.

Exit codes: 0 ok, 1 error, 2 usage, 3 not running, 4 finding, 5 permission, 130 interrupted.
"""


class Command(NamedTuple):
    """One command: the module of this package that holds a function of its name, and how it is typed."""

    module: str
    example: str


COMMANDS: Final = {
    "demo": Command("demo", "icsguard demo --report demo.html"),
    "init": Command("init", "icsguard init --device 10.1.0.5:502 --listen 10.0.0.9:502"),
    "doctor": Command("doctor", "icsguard doctor -c /etc/icsguard/icsguard.toml"),
    "run": Command("run", "icsguard run -c icsguard.toml"),
    "status": Command("status", "icsguard status --json | jq '.conduits[].mode'"),
    "sessions": Command("sessions", "icsguard sessions plc1"),
    "points": Command("points", "icsguard points plc1"),
    "records": Command("records", "icsguard records -n 50 --kind verdict --client 10.0.0.66"),
    "explain": Command("explain", "icsguard explain r5f3a-000012"),
    "isolate": Command("isolate", "icsguard isolate 10.0.0.66 --for 30m -r r5f3a-000012"),
    "release": Command("isolate", 'icsguard release 10.0.0.66 -r "cable tester, removed"'),
    "tickets": Command("ticket", "icsguard tickets"),
    "approve": Command("ticket", 'icsguard approve T-19 -r "shift lead"'),
    "deny": Command("ticket", 'icsguard deny T-19 -r "not during the batch"'),
    "mode": Command("mode", 'icsguard mode plc1 enforce -r "reviewed with J. Meier"'),
    "learn": Command("learn", "icsguard learn plc1 --from line3.pcapng"),
    "replay": Command("replay", "icsguard replay line3.pcapng --conduit plc1"),
    "evaluate": Command("evaluate", "icsguard evaluate --full --report evaluation.html"),
    "version": Command("version", "icsguard version --json"),
}
"""Commands in the order of the help."""
GROUPS: Final = {
    "policy": "policy",
    "config": "config",
    "grant": "grant",
    "models": "models",
    "twin": "twin",
    "pki": "pki",
}
"""Group of commands to the module of this package that holds its `app`."""


def main() -> None:
    """Run the command line; every end has a documented exit code, and no user ever sees a traceback."""
    try:
        app_for(sys.argv[1:])()
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


def app_for(arguments: Sequence[str]) -> typer.Typer:
    """Return the command line for these arguments: with the one command they name, or with all."""
    word = arguments[0] if arguments and "_ICSGUARD_COMPLETE" not in os.environ else ""
    return build([word] if word in COMMANDS or word in GROUPS else [*COMMANDS, *GROUPS])


def build(names: Iterable[str]) -> typer.Typer:
    """Return a command line with these commands and groups."""
    app = typer.Typer(
        name="icsguard",
        help=ABOUT,
        no_args_is_help=True,
        rich_markup_mode=None,  # plain help: no import of rich, and the same text on every terminal
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_icsguard)
    for name in names:
        if name in GROUPS:
            app.add_typer(_module(GROUPS[name]).app, name=name)
        else:
            known = COMMANDS[name]
            app.command(name, epilog=f"Example: {known.example}")(getattr(_module(known.module), name))
    return app


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"icsguard.cli.{name}")


def _icsguard() -> None:
    """Stand for the command line as a whole: with it, one command alone is still called by its name."""


def _failed(error: CliError) -> ExitCode:
    """Say what went wrong where the caller looks for it, and return the exit code."""
    if "--json" in sys.argv:
        show.as_json({"error": {"code": error.name, "text": error.text, "hint": error.hint, "details": error.details}})
        return error.code
    show.note(f"icsguard: {error.text}")
    for detail in error.details:
        show.note(f"  {detail}")
    if error.hint:
        show.note(f"  try: {error.hint}")
    return error.code
