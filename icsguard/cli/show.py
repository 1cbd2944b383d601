"""What commands put on the screen: data to stdout, notes to stderr, nothing from the network unescaped.

Rich is imported only where a terminal can show colours; a pipe gets the same columns as plain text.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import msgspec
import typer

from icsguard.evidence.escape import plain

NARROW = 80
"""Every table fits a terminal of so many columns; a wider one shows more."""


class Cell(NamedTuple):
    """A text with a colour; the colour never is the only sign."""

    text: str
    style: str = ""


Row = Sequence[str | Cell]


def as_json(data: object) -> None:
    """Print data as JSON, ASCII only: it may come from the network and go to a terminal."""
    typer.echo(json.dumps(msgspec.to_builtins(data, enc_hook=str), indent=2))


def table(columns: Sequence[str], rows: Sequence[Row], *, right: frozenset[str] = frozenset()) -> None:
    """Print rows under upper-case column names; columns named in `right` are flush right."""
    if coloured():
        _rich_table(columns, rows, right)
    else:
        for line in _lines(columns, rows, right):
            typer.echo(line)


def line(text: str, style: str = "", *, wrap: bool = True) -> None:
    """Print one line of data, wrapped between words where the terminal is narrow; a command to copy is not."""
    parts(Cell(text, style), wrap=wrap)


def parts(*cells: str | Cell, wrap: bool = False) -> None:
    """Print texts of different colours on one line, two spaces between them."""
    clean = [_cell(cell) for cell in cells]
    if coloured():
        from rich.console import Console
        from rich.text import Text

        text = Text("  ").join(Text(cell.text, style=cell.style) for cell in clean)
        Console(highlight=False).print(text, soft_wrap=not wrap)
    else:
        typer.echo("  ".join(cell.text for cell in clean))


def note(text: str) -> None:
    """Print something that is not data: to stderr, where a pipe does not see it."""
    typer.echo(plain(text), err=True)


def nothing(what: str) -> None:
    """Say that there is nothing to show."""
    note(f"no {what}")


def coloured() -> bool:
    """Say whether stdout is a terminal that may get colours."""
    return sys.stdout.isatty() and os.environ.get("TERM", "") != "dumb"


def width() -> int:
    """Return the columns of the terminal; a pipe has plenty."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else 200


def _rich_table(columns: Sequence[str], rows: Sequence[Row], right: frozenset[str]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:  # only the last one gives way: ids and addresses are there to be copied
        justify: Literal["left", "right"] = "right" if column in right else "left"
        shown.add_column(column, justify=justify, overflow="fold", no_wrap=column != columns[-1])
    for row in rows:
        shown.add_row(*(Text(cell.text, style=cell.style) for cell in map(_cell, row)))
    Console(highlight=False).print(shown)


def _lines(columns: Sequence[str], rows: Sequence[Row], right: frozenset[str]) -> list[str]:
    texts = [list(columns), *([_cell(cell).text for cell in row] for row in rows)]
    widths = [max(len(row[index]) for row in texts) for index in range(len(columns))]
    return [
        "  ".join(
            text.rjust(size) if column in right else text.ljust(size)
            for text, size, column in zip(row, widths, columns, strict=True)
        ).rstrip()
        for row in texts
    ]


def _cell(cell: str | Cell) -> Cell:
    text, style = cell if isinstance(cell, Cell) else (cell, "")
    return Cell(plain(text), style)


def builtins(data: object) -> Any:  # noqa: ANN401 - JSON has no narrower type
    """Return data as plain dicts and lists."""
    return msgspec.to_builtins(data, enc_hook=str)
