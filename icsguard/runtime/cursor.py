"""How far a reader of the records has come, kept over restarts in a small file that is replaced whole."""

from __future__ import annotations

import os
from pathlib import Path


class Cursor:
    """A line number in a file. A file that is missing or damaged counts as none: `load` says so."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._saved: int | None = None

    def load(self) -> int | None:
        """Return the number; None where there is none to be read."""
        try:
            text = self._path.read_text("ascii")
        except (OSError, UnicodeDecodeError):
            return None
        number = text.removesuffix("\n")
        self._saved = int(number) if number.isdecimal() and text.endswith("\n") and len(number) < 20 else None  # noqa: PLR2004 - int64
        return self._saved

    def save(self, number: int) -> None:
        """Keep the number, if it is a new one. Blocks; raises OSError."""
        if number == self._saved:
            return
        fresh = self._path.with_name(f"{self._path.name}.new")
        fresh.write_text(f"{number}\n", "ascii")
        os.replace(fresh, self._path)  # noqa: PTH105 - the same call
        self._saved = number
