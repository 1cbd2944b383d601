"""`icsguard mode`: how far a conduit acts on its decisions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from icsguard.cli import show, talk
from icsguard.cli.exits import CliError, ExitCode
from icsguard.cli.options import Config, DryRun, Json, Yes, checked_reason
from icsguard.control.replies import ConduitStatus, Status
from icsguard.control.requests import GetStatus, SetMode
from icsguard.core.decision import Mode

CONSEQUENCES: Final = {
    Mode.LEARN: "from now on nothing well-formed is refused on {name}, and its traffic is kept for learning",
    Mode.OBSERVE: "from now on nothing well-formed is refused on {name}: what would be stopped is only recorded",
    Mode.ENFORCE: "from now on {name} refuses what its policy does not permit and what the twin shows to be harmful; "
    "up to now it would have stopped {would_be} of {transactions} requests",
}


def mode(
    conduit: Annotated[str, typer.Argument(help="Name of the conduit.", show_default=False)],
    to: Annotated[Mode | None, typer.Argument(metavar="[MODE]", help="learn, observe or enforce.")] = None,
    *,
    reason: Annotated[str, typer.Option("--reason", "-r", help="Why; recorded with your name.")] = "",
    yes: Yes = False,
    dry_run: DryRun = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Show or change a conduit's mode; a change outlives restarts."""
    now = _conduit(conduit, config)
    if to is None:
        _show(now, as_json=as_json)
        return
    request = SetMode(conduit=conduit, mode=to, reason=checked_reason(reason))
    said = consequence(now, to)
    talk.carry_out(request, said, conduit, config, yes=yes, dry_run=dry_run, as_json=as_json)


def consequence(now: ConduitStatus, to: Mode) -> str:
    """Return what the new mode means for the plant, as one sentence for the operator."""
    return CONSEQUENCES[to].format(name=now.name, would_be=now.would_be, transactions=now.transactions)


def _show(now: ConduitStatus, *, as_json: bool) -> None:
    if as_json:
        show.as_json({"conduit": now.name, "mode": now.mode})
    else:
        show.line(f"{now.name} is in mode {now.mode}")


def _conduit(name: str, config: Path | None) -> ConduitStatus:
    status = talk.answer(GetStatus(), Status, config)
    for line in status.conduits:
        if line.name == name:
            return line
    names = ", ".join(line.name for line in status.conduits)
    raise CliError(f"there is no conduit '{name}'", hint=f"one of: {names}", code=ExitCode.USAGE)
