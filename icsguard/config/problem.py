"""What is wrong with a configuration, as values: all of it at once, each with its place and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from typing import Final

MAX_SHOWN: Final = 200  # problems of one check: a file with more is not a configuration; the rest is counted


class Severity(StrEnum):
    """Whether a configuration with this problem can be put in force."""

    ERROR = "error"
    WARNING = "warning"
    """Legal, and probably not what was meant."""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One fault of a file."""

    file: str
    line: int
    """1-based; 0 where the fault has no line."""
    message: str
    """What is wrong, one plain sentence."""
    hint: str = ""
    """What to write instead."""
    severity: Severity = Severity.ERROR

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        mark = "warning: " if self.severity is Severity.WARNING else ""
        return f"{where}: {mark}{self.message}" + (f" ({self.hint})" if self.hint else "")


@dataclass(frozen=True, slots=True)
class Problems:
    """Why a configuration was not taken."""

    items: tuple[Problem, ...]
    left_off: int = 0
    """Further problems, beyond MAX_SHOWN."""

    def __str__(self) -> str:
        more = [f"and {self.left_off} more"] if self.left_off else []
        return "\n".join([*map(str, self.items), *more])


class Findings:
    """Collects problems while files are read."""

    __slots__ = ("_found",)

    def __init__(self) -> None:
        self._found: list[Problem] = []

    def error(self, file: str, line: int, message: str, hint: str = "") -> None:
        """Note a fault that keeps the configuration out of force."""
        self._found.append(Problem(file, line, message, hint))

    def warn(self, file: str, line: int, message: str, hint: str = "") -> None:
        """Note something legal that is probably not meant."""
        self._found.append(Problem(file, line, message, hint, Severity.WARNING))

    def note(self, problem: Problem) -> None:
        """Take over a problem found elsewhere."""
        self._found.append(problem)

    @property
    def failed(self) -> bool:
        """Say whether any error was found."""
        return any(problem.severity is Severity.ERROR for problem in self._found)

    def all(self) -> tuple[Problem, ...]:
        """Return everything found, each once, in order of file and line."""
        return tuple(sorted(set(self._found)))

    def as_problems(self) -> Problems:
        """Return the errors, bounded."""
        errors = [problem for problem in self.all() if problem.severity is Severity.ERROR]
        return Problems(tuple(errors[:MAX_SHOWN]), max(0, len(errors) - MAX_SHOWN))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a hint that names the known word closest to `word`, or all of them where none is close."""
    names = sorted(known)
    near = get_close_matches(word, names, n=1, cutoff=0.6)
    if near:
        return f"did you mean {near[0]!r}?"
    return f"known: {', '.join(names)}" if names else "none is declared"
