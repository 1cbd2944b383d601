"""The page docs/reference/cli.md, made from the command line itself: `python -m icsguard.cli.reference`.

A test compares the page with what this module makes, so that help and page cannot drift apart.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any, Final

import typer

from icsguard.cli.app import COMMANDS, GROUPS, build
from icsguard.cli.exits import ExitCode

WIDTH: Final = 100
HEAD: Final = """# Command line reference

Made by `python -m icsguard.cli.reference > docs/reference/cli.md`; do not edit by hand.

Every command that talks to a running icsguard does so by its control socket. Who may look and who may change things is
decided by the gateway from the user's identity (`[gateway] operators` and `viewers`). Data goes to stdout, notes go to
stderr; `--json` prints the data with stable names, and errors as `{"error": {"code", "text", "hint", "details"}}`.

| variable | meaning |
|---|---|
| `ICSGUARD_CONFIG` | the configuration file, where `-c` is not given |
| `ICSGUARD_SOCKET` | the control socket, where it is not the one that the configuration names |
| `ICSGUARD_DEBUG` | with any value, an unexpected error prints its trace |
| `NO_COLOR` | with any value, no colours |
"""
EXITS: Final = {
    ExitCode.OK: "done",
    ExitCode.ERROR: "not done; the message says why",
    ExitCode.USAGE: "the command line itself is wrong; nothing was done",
    ExitCode.NOT_RUNNING: "no gateway listens on the control socket",
    ExitCode.FINDING: "done, and something was found: a problem, a failed check, a missed expectation",
    ExitCode.PERMISSION: "this user may not do that",
    ExitCode.INTERRUPTED: "interrupted by Ctrl-C",
}


def page() -> str:
    """Return the whole page."""
    command = typer.main.get_command(build([*COMMANDS, *GROUPS]))
    exits = [f"| {code.value} | {meaning} |" for code, meaning in EXITS.items()]
    parts = [HEAD, "| exit code | meaning |\n|---|---|\n" + "\n".join(exits) + "\n"]
    parts += [f"## {name}\n\n```text\n{text}\n```\n" for name, text in _helps(command, "icsguard", None)]
    return "\n".join(parts)


def _helps(command: Any, name: str, parent: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - typer's own are private
    """Yield the full name and the help text of a command and of all below it."""
    context = command.make_context(
        name, [], parent=parent, resilient_parsing=True, terminal_width=WIDTH, max_content_width=WIDTH
    )
    lines = command.get_help(context).splitlines()
    yield context.command_path, "\n".join(line.rstrip() for line in lines).strip()
    for inner, below in getattr(command, "commands", {}).items():
        yield from _helps(below, inner, context)


if __name__ == "__main__":
    sys.stdout.write(page())
