"""The ratios as a picture: bars against the yardstick with the spread of the rounds, SVG without dependencies. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final

from bench import ratios
from bench.ratios import Spread
from bench.rounds import Row
from bench.table import YARDSTICK

WIDTH: Final = 860
LEFT: Final = 190
BAR: Final = 16
STEP: Final = 22
HEAD: Final = 34
OURS: Final = "#0b6e4f"
THEIRS: Final = "#9aa5b1"


def svg(rows: Sequence[Row], scenarios: Sequence[str], contenders: Sequence[str], caption: str) -> str:
    """Return throughput of every contender relative to the yardstick, one group of bars a scenario."""
    groups = [(name, _bars(rows, name, contenders)) for name in scenarios]
    groups = [(name, bars) for name, bars in groups if bars]
    widest = max((bar.high for _name, bars in groups for _who, bar in bars), default=1.0)
    scale = (WIDTH - LEFT - 130) / max(widest, 1.0)
    parts, y = [], 54
    for name, bars in groups:
        parts.append(_text(12, y + 14, name, weight="bold"))
        y += HEAD - 10
        for who, bar in bars:
            parts += _bar(y, who, bar, scale)
            y += STEP
        y += 12
    mark = LEFT + scale
    line = f'<line x1="{mark:.1f}" y1="44" x2="{mark:.1f}" y2="{y}" stroke="#444" stroke-dasharray="4 3"/>'
    head = _text(
        12, 22, f"Throughput relative to {YARDSTICK} (1.0, dashed); whiskers: lowest and highest round", weight="bold"
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y + 30}" '
        f'font-family="sans-serif" font-size="13">'
        f'<rect width="{WIDTH}" height="{y + 30}" fill="#fff"/>{head}{line}{"".join(parts)}'
        f"{_text(12, y + 20, caption, size=11)}</svg>\n"
    )


def _bars(rows: Sequence[Row], scenario: str, contenders: Sequence[str]) -> list[tuple[str, Spread]]:
    found = [(who, ratios.ratio(rows, who, YARDSTICK, scenario, ratios.throughput)) for who in contenders]
    return [(who, bar) for who, bar in found if bar is not None]


def _bar(y: float, who: str, bar: Spread, scale: float) -> list[str]:
    colour = OURS if who.startswith("icsguard") else THEIRS
    middle = y + BAR / 2
    low, high = LEFT + bar.low * scale, LEFT + bar.high * scale
    return [
        _text(24, y + 12, who),
        f'<rect x="{LEFT}" y="{y}" width="{bar.middle * scale:.1f}" height="{BAR}" fill="{colour}"/>',
        f'<line x1="{low:.1f}" y1="{middle}" x2="{high:.1f}" y2="{middle}" stroke="#000"/>',
        _text(high + 8, y + 12, f"{bar.middle:.2f}"),
    ]


def _text(x: float, y: float, text: str, *, weight: str = "normal", size: int = 13) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" font-weight="{weight}" font-size="{size}">{escape(text)}</text>'
