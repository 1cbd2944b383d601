"""`icsguard explain`: one record in sentences, from the record alone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from icsguard.cli import show
from icsguard.cli.options import Config, Json
from icsguard.cli.sentences import NEXT, paragraphs
from icsguard.cli.talk import answer
from icsguard.control.replies import Explained
from icsguard.control.requests import Explain


def explain(
    record: Annotated[str, typer.Argument(metavar="ID", help="Record id, ticket id, or 'last'.")] = "last",
    *,
    file: Annotated[
        Path | None,
        typer.Option("--file", "-f", help="Look in a file of the recorder instead of asking the gateway."),
    ] = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Say what happened, who did it, why it was decided so, and what to type next."""
    if file is not None:
        from icsguard.cli.records_file import find

        reply = find(file, record)
    else:
        reply = answer(Explain(id=record), Explained, config)
    if as_json:
        show.as_json(reply)
        return
    for paragraph in paragraphs(reply):
        show.line(paragraph.text, style=paragraph.style, wrap=not paragraph.text.startswith(NEXT))
