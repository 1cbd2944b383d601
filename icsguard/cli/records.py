"""`icsguard records`: what happened lately, one line each; `explain` has the rest."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from icsguard.cli import show
from icsguard.cli.moments import time_of_day
from icsguard.cli.options import Config, Json
from icsguard.cli.show import Cell
from icsguard.cli.talk import answer
from icsguard.control.replies import Records
from icsguard.control.requests import MAX_RECORDS_ASKED, GetRecords
from icsguard.core.record import Record, RecordKind, Severity

WIDE: Final = 130
"""Narrower terminals get two lines a record: what it is, and what happened."""
COLUMNS = ("ID", "TIME", "SEV", "N", "CLIENT", "CONDUIT", "DECISION", "ATT&CK", "WHAT")
SEVERITY_STYLE: Final = {
    Severity.INFO: "",
    Severity.LOW: "",
    Severity.MEDIUM: "yellow",
    Severity.HIGH: "red",
    Severity.CRITICAL: "bold red",
}


def records(
    *,
    last: Annotated[int, typer.Option("--last", "-n", min=1, max=MAX_RECORDS_ASKED, help="So many.")] = 20,
    kind: Annotated[RecordKind | None, typer.Option(help="Only this kind.", show_default=False)] = None,
    conduit: Annotated[str, typer.Option(help="Only this conduit.", show_default=False)] = "",
    client: Annotated[str, typer.Option(help="Only this client address.", show_default=False)] = "",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """List the newest records that the gateway still holds; the recorder's files have all of them."""
    reply = answer(GetRecords(last=last, kind=kind, conduit=conduit, client=client), Records, config)
    if as_json:
        show.as_json(reply)
    elif not reply.records:
        show.nothing("records match")
    elif show.width() >= WIDE:
        show.table(COLUMNS, [row(record, reply.wall_shift) for record in reply.records], right=frozenset({"N"}))
    else:
        for record in reply.records:
            *cells, text = row(record, reply.wall_shift)
            show.parts(*cells)
            show.line(f"  {text}")


def row(record: Record, wall_shift: int) -> tuple[str | Cell, ...]:
    """Return one record for the table."""
    decided = record.decision or record.kind
    return (
        record.id,
        time_of_day(record.at, wall_shift),
        Cell(record.severity, SEVERITY_STYLE[record.severity]),
        str(record.repeated),
        record.client or "-",
        record.conduit or "-",
        f"{decided} (would {record.would_be})" if record.would_be and record.would_be != decided else decided,
        record.technique or "-",
        record.text,
    )
