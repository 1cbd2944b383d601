"""`icsguard sessions`: who is connected, and what they did."""

from __future__ import annotations

from typing import Annotated

import typer

from icsguard.cli import show
from icsguard.cli.durations import in_words
from icsguard.cli.options import Config, Json
from icsguard.cli.show import Cell
from icsguard.cli.talk import answer
from icsguard.control.replies import SessionLine, Sessions
from icsguard.control.requests import GetSessions
from icsguard.core.clock import SECOND

COLUMNS = ("CONDUIT", "CLIENT", "GROUP", "SINCE", "LAST", "REQUESTS", "WRITES", "REFUSED", "STATE")
NUMBERS = frozenset({"REQUESTS", "WRITES", "REFUSED"})


def sessions(
    conduit: Annotated[str, typer.Argument(help="Only this conduit.")] = "",
    *,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """List the connected clients."""
    reply = answer(GetSessions(conduit=conduit), Sessions, config)
    if as_json:
        show.as_json(reply)
    elif not reply.sessions:
        show.nothing("client is connected")
    else:
        show.table(COLUMNS, [row(line, reply.now) for line in reply.sessions], right=NUMBERS)


def row(line: SessionLine, now: int) -> list[str | Cell]:
    """Return one client for the table."""
    return [
        line.conduit,
        line.client,
        line.group or Cell("(none)", "yellow"),
        in_words((now - line.since) / SECOND),
        f"{in_words((now - line.last) / SECOND)} ago" if line.last else "never",
        str(line.requests),
        str(line.writes),
        Cell(str(line.refused), "red" if line.refused else ""),
        Cell(line.state, "" if line.state == "open" else "yellow"),
    ]
