"""`icsguard tickets`, `approve` and `deny`: requests that wait for a human."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from icsguard.cli import show, talk
from icsguard.cli.durations import in_words
from icsguard.cli.exits import CliError
from icsguard.cli.options import Config, Json, Reason, Yes, checked_reason
from icsguard.cli.show import Cell
from icsguard.control.replies import Done, TicketLine, Tickets
from icsguard.control.requests import Approve, Deny, ListTickets
from icsguard.core.clock import SECOND

COLUMNS = ("TICKET", "CONDUIT", "CLIENT", "ASKED", "STATE", "CLOSES IN", "REQUEST", "WHY")
TicketId = Annotated[str, typer.Argument(metavar="TICKET", help="Its id, see `icsguard tickets`.", show_default=False)]


def tickets(*, config: Config = None, as_json: Json = False) -> None:
    """List the requests that were answered busy and wait for a decision."""
    reply = talk.answer(ListTickets(), Tickets, config)
    if as_json:
        show.as_json(reply)
    elif not reply.tickets:
        show.nothing("ticket is open")
    else:
        show.table(COLUMNS, [row(line, reply.now) for line in reply.tickets], right=frozenset({"ASKED"}))


def approve(
    ticket: TicketId, *, reason: Reason, yes: Yes = False, config: Config = None, as_json: Json = False
) -> None:
    """Let exactly this request pass once, when its client sends it again."""
    request = Approve(ticket=ticket, reason=checked_reason(reason))
    said = consequence(_ticket(ticket, config))
    talk.carry_out(request, said, ticket, config, yes=yes, as_json=as_json)


def deny(ticket: TicketId, *, reason: Reason, config: Config = None, as_json: Json = False) -> None:
    """Close a ticket: the request stays refused. Nothing reaches the plant, so nothing is asked."""
    request = Deny(ticket=ticket, reason=checked_reason(reason))
    talk.done(talk.answer(request, Done, config), as_json=as_json)


def consequence(line: TicketLine) -> str:
    """Return what an approval lets into the plant, as one sentence for the operator."""
    once = f"{line.client} may do this on {line.conduit} once, when it asks again: {line.request}"
    return f"{once}; it was held because: {line.why}"


def row(line: TicketLine, now: int) -> list[str | Cell]:
    """Return one ticket for the table."""
    return [
        line.id,
        line.conduit,
        line.client,
        str(line.asked),
        Cell(line.state, "yellow" if line.state == "open" else ""),
        in_words(max(line.until - now, 0) / SECOND),
        line.request,
        line.why,
    ]


def _ticket(name: str, config: Path | None) -> TicketLine:
    reply = talk.answer(ListTickets(), Tickets, config)
    for line in reply.tickets:
        if line.id == name:
            return line
    raise CliError(f"there is no open ticket {name}", hint="icsguard tickets")
