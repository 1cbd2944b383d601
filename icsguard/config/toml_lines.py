"""At which line of a TOML text a key stands. The standard parser gives values without places; this finds the places.

It walks a text that the parser has already accepted, so it needs to know headers, keys, strings and brackets only.
"""

from __future__ import annotations

import re
import tomllib
from typing import Final

Path = tuple[str | int, ...]
_PART: Final = re.compile(r"""\s*("(?:[^"\\]|\\.)*"|'[^']*'|[A-Za-z0-9_-]+)\s*(\.?)""")
_TOKEN: Final = re.compile(r"""\"{3}|'{3}|"(?:[^"\\]|\\.)*"|'[^']*'|\#.*|[\[{]|[\]}]|.""")
_TRIPLE: Final = ('"""', "'''")
_ERROR_LINE: Final = re.compile(r"\(at line (\d+), column \d+\)|\(at end of document\)")


class Lines:
    """Key paths to line numbers."""

    __slots__ = ("_known",)

    def __init__(self, text: str) -> None:
        self._known: dict[Path, int] = {}
        table: Path = ()
        counts: dict[Path, int] = {}
        for line, statement in _statements(text):
            if statement.startswith("[["):
                name = _names(statement[2:])
                counts[name] = counts.get(name, -1) + 1
                table = (*_indexed(name[:-1], counts), name[-1], counts[name])
                self._known.setdefault((*_indexed(name[:-1], counts), name[-1]), line)
            elif statement.startswith("["):
                table = _indexed(_names(statement[1:]), counts)
            else:
                self._note((*table, *_names(statement)), line)
                continue
            self._note(table, line)

    def at(self, *path: str | int) -> int:
        """Return the line of a key, or of the closest thing around it; 0 where nothing is known."""
        for end in range(len(path), 0, -1):
            line = self._known.get(path[:end])
            if line is not None:
                return line
        return 0

    def drop(self, path: Path, index: int) -> None:
        """Forget one item of a list; those after it move up."""
        moved: dict[Path, int] = {}
        at = len(path)
        for known, line in self._known.items():
            here = known[at] if known[:at] == path and len(known) > at else None
            if not isinstance(here, int) or here < index:
                moved[known] = line
            elif here > index:
                moved[*known[:at], here - 1, *known[at + 1 :]] = line
        self._known = moved

    def _note(self, path: Path, line: int) -> None:
        for end in range(1, len(path) + 1):
            self._known.setdefault(path[:end], line)


def error_line(error: tomllib.TOMLDecodeError, text: str) -> tuple[int, str]:
    """Return line and message of a text that is not TOML."""
    message = str(error)
    match = _ERROR_LINE.search(message)
    line = int(match[1]) if match and match[1] else text.count("\n") + 1
    return line, _ERROR_LINE.sub("", message).strip()


def _statements(text: str) -> list[tuple[int, str]]:
    """Return the first line of each header and key, with its number; a value over several lines belongs to its key."""
    found: list[tuple[int, str]] = []
    depth, quote = 0, ""
    for number, line in enumerate(text.split("\n"), 1):
        stripped = line.strip()
        if depth == 0 and not quote and stripped and not stripped.startswith("#"):
            found.append((number, stripped))
        depth, quote = _after(line, depth, quote)
    return found


def _after(line: str, depth: int, quote: str) -> tuple[int, str]:
    """Return how many brackets and which triple quote are open after a line."""
    at = 0
    while at < len(line):
        if quote:
            end = line.find(quote, at)
            if end < 0:
                return depth, quote
            at, quote = end + len(quote), ""
            continue
        token = _TOKEN.match(line, at)
        if token is None:
            break
        if token[0] in _TRIPLE:
            quote = token[0]
        depth += (token[0] in {"[", "{"}) - (token[0] in {"]", "}"})
        at = token.end()
    return depth, quote


def _names(text: str) -> tuple[str, ...]:
    names: list[str] = []
    at = 0
    while match := _PART.match(text, at):
        names.append(match[1][1:-1] if match[1][0] in "\"'" else match[1])
        at = match.end()
        if not match[2]:
            break
    return tuple(names)


def _indexed(name: tuple[str, ...], counts: dict[Path, int]) -> Path:
    path: list[str | int] = []
    for end, part in enumerate(name, 1):
        path.append(part)
        if name[:end] in counts:
            path.append(counts[name[:end]])
    return tuple(path)
