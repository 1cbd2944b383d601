r"""Text that came from the network, made safe to look at: in terminals, logs, reports and records.

A device may call itself `\x1b[2J` or carry a line feed that forges a second log line. Everything that a peer can
choose goes through here before a human or a parser sees it; the reader still sees *what* was there, by its code point.
"""

from __future__ import annotations

import html
import re
from typing import Final

MAX_TEXT: Final = 4096  # characters; the longest sentence of ours is below 600, a Modbus object below 250
"""Longer text is cut, and says how much is missing."""

_UNSAFE_RANGES: Final = (
    (0x00, 0x1F),  # C0 controls: CR, LF, ESC, NUL
    (0x7F, 0x9F),  # DEL and C1 controls: 0x9B is a one-byte CSI
    (0x061C, 0x061C),  # Arabic letter mark
    (0x200B, 0x200F),  # zero width, left-to-right and right-to-left marks
    (0x2028, 0x202E),  # line and paragraph separators, bidirectional embeddings and overrides
    (0x2060, 0x206F),  # invisible operators, bidirectional isolates
    (0xD800, 0xDFFF),  # lone surrogates: not text at all, they break every encoder
    (0xFEFF, 0xFEFF),  # byte order mark
    (0xFFF9, 0xFFFB),  # interlinear annotation
    (0xE0000, 0xE007F),  # tags: invisible
)
UNSAFE: Final = re.compile("[" + "".join(f"{chr(first)}-{chr(last)}" for first, last in _UNSAFE_RANGES) + "]")
"""Characters that move the cursor, end a line, turn the direction of writing or cannot be seen."""


def plain(text: str, limit: int = MAX_TEXT) -> str:
    """Return `text` with every unsafe character shown by its code point, at most about `limit` characters long."""
    if UNSAFE.search(text):
        text = UNSAFE.sub(_shown, text[: limit + 1])
    return cut(text, limit)


def cut(text: str, limit: int = MAX_TEXT) -> str:
    """Return the first `limit` characters of `text`, with a note where something is missing."""
    return text if len(text) <= limit else f"{text[:limit]} (cut)"


def from_wire(data: bytes, limit: int = MAX_TEXT) -> str:
    r"""Return bytes of a peer as safe text: UTF-8 where it is UTF-8, `\xNN` where it is not."""
    return plain(data[: 4 * limit].decode("utf-8", "backslashreplace"), limit)


def as_html(text: str, limit: int = MAX_TEXT) -> str:
    """Return `text` for the body or a quoted attribute of an HTML page."""
    return html.escape(plain(text, limit), quote=True)


def _shown(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code <= 0xFF:  # noqa: PLR2004 - the last code point that two hex digits can name
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004 - likewise four
