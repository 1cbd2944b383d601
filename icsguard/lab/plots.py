"""Line charts as inline SVG: no script, no font, no network; readable in black and white and by a screen reader."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Final

from icsguard.lab.trial import Curve

MAX_POINTS: Final = 240  # of one line: a chart is not wider than some hundred pixels

_LEFT: Final = 34
_RIGHT: Final = 8
_TOP: Final = 8
_BOTTOM: Final = 20
_TAG_ROWS: Final = 2  # labels of neighbouring marks stand on different heights


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a chart."""

    curve: Curve
    style: str
    """CSS class: `guarded`, `bare`, `second`."""
    label: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment on the time axis."""

    at_s: float
    label: str


@dataclass(frozen=True, slots=True)
class Frame:
    """Size and scales of a chart."""

    width: int
    height: int
    first_s: float
    last_s: float
    top: float
    """Value at the upper edge; the lower edge is 0."""
    step: float
    """Between two grid lines."""
    unit: str
    danger: float | None = None
    """Above it damage is done: shaded."""

    def x(self, at_s: float) -> float:
        """Return the pixel of a moment."""
        span = max(self.last_s - self.first_s, 0.001)
        share = min(max((at_s - self.first_s) / span, 0.0), 1.0)
        return _LEFT + share * (self.width - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        """Return the pixel of a value."""
        share = min(max(value / self.top, 0.0), 1.0)
        return self.height - _BOTTOM - share * (self.height - _TOP - _BOTTOM)


def chart(title: str, frame: Frame, lines: list[Line], marks: list[Mark] | None = None) -> str:
    """Return a chart as an `<svg>` element; all text in it is escaped."""
    parts = [
        f'<svg viewBox="0 0 {frame.width} {frame.height}" role="img" aria-label="{escape(title)}">',
        f"<title>{escape(title)}</title>",
        *_danger(frame),
        *_grid(frame),
        *(_mark(frame, mark, number % _TAG_ROWS) for number, mark in enumerate(marks or [])),
        *(_line(frame, line) for line in lines),
        "</svg>",
    ]
    return "".join(parts)


def _danger(frame: Frame) -> list[str]:
    if frame.danger is None or frame.danger >= frame.top:
        return []
    y, top = frame.y(frame.danger), frame.y(frame.top)
    width = frame.width - _LEFT - _RIGHT
    return [f'<rect class="danger" x="{_LEFT}" y="{top:.0f}" width="{width}" height="{y - top:.0f}"/>']


def _grid(frame: Frame) -> list[str]:
    parts = []
    for number in range(int(frame.top / frame.step) + 1):
        value = frame.step * number
        y = frame.y(value)
        parts.append(f'<path class="grid" d="M{_LEFT} {y:.0f}H{frame.width - _RIGHT}"/>')
        parts.append(f'<text class="axis" x="{_LEFT - 4}" y="{y + 3:.0f}" text-anchor="end">{value:g}</text>')
    base = frame.height - 6
    middle = (frame.first_s + frame.last_s) / 2
    for at_s, anchor in ((frame.first_s, "start"), (middle, "middle"), (frame.last_s, "end")):
        parts.append(
            f'<text class="axis" x="{frame.x(at_s):.0f}" y="{base}" text-anchor="{anchor}">{at_s:.0f} s</text>'
        )
    parts.append(f'<text class="axis" x="{_LEFT - 4}" y="{_TOP + 2}" text-anchor="end">{escape(frame.unit)}</text>')
    return parts


def _mark(frame: Frame, mark: Mark, row: int) -> str:
    x = frame.x(mark.at_s)
    return (
        f'<path class="mark" d="M{x:.1f} {_TOP}V{frame.height - _BOTTOM}"/>'
        f'<text class="tag" x="{x + 2:.1f}" y="{_TOP + 8 + 10 * row}">{escape(mark.label)}</text>'
    )


def _line(frame: Frame, line: Line) -> str:
    points = [
        (frame.x(at_s), frame.y(value)) for at_s, value in thinned(line.curve) if frame.first_s <= at_s <= frame.last_s
    ]
    if not points:
        return ""
    path = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    return f'<path class="{escape(line.style)}" d="M{path}"><title>{escape(line.label)}</title></path>'


def thinned(curve: Curve) -> list[tuple[float, float]]:
    """Return the points of a curve, evenly thinned to at most MAX_POINTS; the last one stays."""
    points = list(zip(curve.times, curve.values, strict=True))
    if len(points) <= MAX_POINTS:
        return points
    stride = -(-len(points) // (MAX_POINTS - 1))
    return [*points[:-1:stride], points[-1]]
