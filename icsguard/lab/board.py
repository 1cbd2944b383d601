"""The demo on the terminal: the closing table, and the same table as a picture for the README."""

from __future__ import annotations

import io
import re

from rich import box
from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from icsguard.lab.outcome import Outcome
from icsguard.lab.trial import Trial

PICTURE_WIDTH = 150
"""Columns of the picture: wide enough that no cell of the table is broken."""
NARROW = 120
"""With fewer columns the table leaves out who attacked, by which technique, and how fast the verdict was."""


def closing(outcome: Outcome, width: int) -> RenderableType:
    """Return the closing table with its sentences, for a terminal of so many columns."""
    return Group(_table(outcome, narrow=width < NARROW), *_sentences(outcome))


def picture(outcome: Outcome) -> str:
    """Return the closing table as an SVG document."""
    console = Console(record=True, width=PICTURE_WIDTH, file=io.StringIO(), force_terminal=True)
    console.print(closing(outcome, PICTURE_WIDTH))
    # rich's own frame asks a web server for its font; a picture must not.
    frame = re.sub(r"@font-face \{\{.*?\}\}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    return console.export_svg(title="icsguard demo", code_format=frame)


def _table(outcome: Outcome, *, narrow: bool) -> Table:
    title = "The same attacks, with and without icsguard"
    table = Table(title=title, title_justify="left", expand=False, box=box.SIMPLE)
    names = ("#", "attack", "from", "ATT&CK", "behind icsguard", "caught by", "verdict", "without it")
    shown = [name for name in names if not (narrow and name in {"from", "ATT&CK", "verdict"})]
    for name in shown:
        table.add_column(name, justify="right" if name in {"#", "verdict"} else "left")
    for number, trial in enumerate(outcome.guarded, 1):
        style = "green" if trial.held else "bold red"
        cells = {
            "#": Text(str(number)),
            "attack": Text(trial.title),
            "from": Text(trial.who),
            "ATT&CK": Text(trial.technique),
            "behind icsguard": Text(("✓ " if trial.held else "✗ ") + trial.fate, style=style),
            "caught by": Text(trial.caught.layer or "nobody"),
            "verdict": Text(f"{trial.verdict_ms:.1f} ms" if trial.refused else ""),
            "without it": without(outcome.bare_of(trial.key)),
        }
        table.add_row(*(cells[name] for name in shown))
    return table


def without(bare: Trial | None) -> Text:
    """Return what the attack did to the bare plant, in words."""
    if bare is None:
        return Text("")
    if bare.harms:
        return Text("; ".join(bare.harms), style="red")
    return Text(f"{bare.answered} of {bare.attempts} answered")


def _sentences(outcome: Outcome) -> list[Text]:
    stopped = sum(1 for trial in outcome.guarded if trial.held)
    style = "bold green" if outcome.held else "bold red"
    hurt = f"{outcome.hurt} of {outcome.requests} normal requests hurt"
    told = [Text(f"{stopped} of {len(outcome.guarded)} attacks stopped, {hurt}.", style=style)]
    told += [Text(f"not so: {text}", style="bold red") for text in outcome.broken]
    return told
