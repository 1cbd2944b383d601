"""A bar for work that takes longer than a breath: on a terminal, on stderr, and nothing elsewhere."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from icsguard.cli import show

Progress = Callable[[float, str], None]
"""Told how far it is (0 to 1) and what is being done."""


@contextlib.contextmanager
def progress_bar(title: str) -> Iterator[Progress]:
    """Show a bar on a terminal, nothing elsewhere."""
    if not show.coloured():
        yield lambda _share, _text: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn  # fmt: skip
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[doing]}"), TimeElapsedColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=1.0, doing="")
        yield lambda share, text: bar.update(task, completed=share, doing=text)
