"""What is measured once rather than in rounds: the tail while something happens, a judged write, the shadow's price."""

from __future__ import annotations

from dataclasses import dataclass

from bench.load import Result
from bench.ratios import Spread


@dataclass(frozen=True, slots=True)
class Trial:
    """One such measurement."""

    kind: str
    """`event`: permitted reads while something happens. `figure`: one number over a few rounds."""
    name: str
    contender: str
    result: Result | None = None
    figure: Spread | None = None
    problem: str = ""
    """What went wrong, or why there is no figure."""
    note: str = ""
    """What happened, in numbers."""
