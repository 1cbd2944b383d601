"""What the demo says while it runs: one line an event, a bar where it takes time; silent where nobody reads."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.text import Text

from icsguard.lab.trial import Trial

BEAT_S: Final = 0.25


class Teller:
    """Talks to a console; all text from elsewhere goes in as text, never as markup."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def say(self, head: str, text: str, style: str = "") -> None:
        """Print one line."""
        self._console.print(Text.assemble((f"{head:<9}", "bold"), Text(text, style=style)), soft_wrap=True)

    def tell(self, number: int, of: int, trial: Trial) -> None:
        """Print the fate of an attack."""
        style = "green" if trial.held else "bold red"
        took = f" in {trial.verdict_ms:.1f} ms" if trial.refused else ""
        by = f" by {trial.caught.layer}" if trial.caught.layer else ""
        self.say("attack", f"{number:>2}/{of} {trial.title} ({trial.technique}): {trial.fate}{took}{by}", style)
        for check in trial.checks:
            if not check.held:
                self.say("", f"not so: {check.text}", "bold red")

    async def wait(self, text: str, seconds: float) -> None:
        """Let time pass under a bar."""
        with self._bar() as bar:
            task = bar.add_task(text, total=seconds)
            loop = asyncio.get_running_loop()
            began = loop.time()
            while (passed := loop.time() - began) < seconds:
                bar.update(task, completed=passed)
                await asyncio.sleep(min(BEAT_S, seconds - passed))
            bar.update(task, completed=seconds)

    @contextlib.contextmanager
    def steps(self, text: str) -> Iterator[Steps]:
        """Show a bar that the caller moves."""
        with self._bar() as bar:
            yield Steps(bar, text)

    def _bar(self) -> Progress:
        return Progress(
            TextColumn("{task.description:<32}", markup=False),
            BarColumn(bar_width=40),
            TaskProgressColumn(),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )


class Steps:
    """A bar that is moved by hand."""

    def __init__(self, bar: Progress, text: str) -> None:
        self._bar = bar
        self._task = bar.add_task(text, total=1.0)

    def move(self, share: float, text: str) -> None:
        """Show how far it is (0 to 1) and what is being done."""
        self._bar.update(self._task, completed=share, description=text)
