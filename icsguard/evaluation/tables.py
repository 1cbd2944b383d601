"""What an evaluation says: tables of named figures, and whether a goal was reached. Text and JSON say the same."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

Cell = str | int | float | None
Row = dict[str, Cell]


@dataclass(frozen=True, slots=True)
class Table:
    """One table."""

    name: str
    title: str
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of all columns in the order of their first use."""
        return tuple(dict.fromkeys(name for row in self.rows for name in row))


@dataclass(frozen=True, slots=True)
class Goal:
    """One promise with what was measured."""

    text: str
    wanted: str
    measured: str
    reached: bool | None
    """None: could not be measured here."""
    aim: str = ""
    """What would be better still."""
    aimed: bool | None = None
    """Whether that was reached, too."""
    seen: str = ""
    """The same on plants whose results were looked at before; empty where there are none beside."""
    seen_reached: bool | None = None

    @property
    def word(self) -> str:
        """The verdict in a word."""
        return "aim reached" if self.reached and self.aimed else verdict(self.reached)


@dataclass(frozen=True, slots=True)
class Trace:
    """One score over time with what was an attack: for the plot."""

    name: str
    title: str
    score: tuple[float, ...]
    """In units of the threshold."""
    attacks: tuple[tuple[int, int], ...]
    """Half-open ranges of rows."""


@dataclass(frozen=True, slots=True)
class Result:
    """Everything of one run."""

    form: str
    """`short` or `full`."""
    seed: int
    tables: tuple[Table, ...]
    goals: tuple[Goal, ...]
    traces: tuple[Trace, ...]
    facts: dict[str, str]
    """Versions, digests of data, sets that were absent, the command that made it."""
    failed: tuple[str, ...] = ()
    """Jobs that gave nothing, and why."""


def verdict(reached: bool | None) -> str:  # noqa: FBT001 - it is the thing itself
    """Return a verdict in a word."""
    return "not measured" if reached is None else "reached" if reached else "NOT REACHED"


def shown(cell: Cell) -> str:
    """Return a figure as people read it: four significant digits at most."""
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return "-"
    if isinstance(cell, float):
        return f"{cell:.0f}" if abs(cell) >= 1000 or cell == int(cell) else f"{cell:.3g}"  # noqa: PLR2004 - four digits
    return str(cell)


def as_text(table: Table) -> str:
    """Return the table as Markdown, columns aligned."""
    cells = [[shown(row.get(name)) for name in table.columns] for row in table.rows]
    widths = [max(len(name), *(len(row[i]) for row in cells), 3) for i, name in enumerate(table.columns)]
    lines = [f"### {table.title}", "", _line(table.columns, widths), _line(["-" * width for width in widths], widths)]
    lines += [_line(row, widths) for row in cells]
    return "\n".join([*lines, "", *(f"{note}" for note in table.notes)]).rstrip() + "\n"


def goals_table(goals: Iterable[Goal]) -> Table:
    """Return the goals as a table."""
    rows: list[Row] = []
    for goal in goals:
        row: Row = {"goal": goal.text, "must": goal.wanted, "aim": goal.aim}
        row |= {"measured": goal.measured, "verdict": goal.word}
        if goal.seen:
            row |= {"plants seen before": goal.seen, "verdict there": verdict(goal.seen_reached)}
        rows.append(row)
    return Table("goals", "Goals", tuple(rows))


def _line(cells: Iterable[str], widths: list[int]) -> str:
    return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"
