"""`icsguard points`: the process variables, beside what the twin expects of them."""

from __future__ import annotations

from typing import Annotated

import typer

from icsguard.cli import show
from icsguard.cli.durations import in_words
from icsguard.cli.options import Config, Json
from icsguard.cli.show import Cell
from icsguard.cli.talk import answer
from icsguard.control.replies import Points
from icsguard.control.requests import GetPoints
from icsguard.core.live import PointState

COLUMNS = ("CONDUIT", "POINT", "VALUE", "TWIN EXPECTS", "SAFE", "AGE", "QUALITY", "WHERE")
NUMBERS = frozenset({"VALUE", "TWIN EXPECTS"})
_MS = 1000


def points(
    conduit: Annotated[str, typer.Argument(help="Only this conduit.")] = "",
    *,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """List the points with value, age, quality, prediction and safe envelope."""
    reply = answer(GetPoints(conduit=conduit), Points, config)
    if as_json:
        show.as_json(reply)
    elif not reply.points:
        show.nothing('points are declared: name a points file in icsguard.toml (points = "…csv")')
    else:
        show.table(COLUMNS, [row(point) for point in reply.points], right=NUMBERS)


def row(point: PointState) -> list[str | Cell]:
    """Return one point for the table."""
    return [
        point.conduit,
        point.name,
        Cell(_value(point.value, point.unit), "red" if is_outside(point) else ""),
        _prediction(point),
        _envelope(point),
        in_words(point.age_ms / _MS) if point.value is not None else "-",
        Cell(point.quality, "" if point.quality == "good" else "yellow"),
        point.where,
    ]


def is_outside(point: PointState) -> bool:
    """Say whether the value is outside of the safe envelope."""
    if point.value is None:
        return False
    low = point.safe_min is not None and point.value < point.safe_min
    return low or (point.safe_max is not None and point.value > point.safe_max)


def _value(value: float | None, unit: str) -> str:
    return "unknown" if value is None else f"{value:.6g} {unit}".rstrip()


def _prediction(point: PointState) -> str:
    if point.predicted is None:
        return "-"
    band = "" if point.band is None else f" ±{point.band:.2g}"
    return f"{point.predicted:.4g}{band}"


def _envelope(point: PointState) -> str:
    if point.safe_min is None and point.safe_max is None:
        return "-"
    low = "" if point.safe_min is None else f"{point.safe_min:g}"
    high = "" if point.safe_max is None else f"{point.safe_max:g}"
    return f"{low}..{high}"
