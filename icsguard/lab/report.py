"""The demo's report: one HTML file without script, network or font, small enough to mail.

Every text in it goes through the template's escaping, whoever it came from.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import jinja2
import msgspec
from markupsafe import Markup

from icsguard.lab.outcome import Outcome
from icsguard.lab.plots import Frame, Line, Mark, chart
from icsguard.lab.trial import Curve, Trial
from icsguard.lab.water import MAX_CHLORINE_MG_L, TANK_HEIGHT_M

MAX_BYTES: Final = 300_000
"""A report that cannot be mailed is read by nobody."""
_TEMPLATES: Final = Path(__file__).parent / "templates"


class _Scale(msgspec.Struct, frozen=True):
    top: float
    step: float
    danger: float
    unit: str
    words: str


_SCALES: Final = {
    "level_1": _Scale(4.4, 1.0, TANK_HEIGHT_M, "m", "level of tank 1"),
    "level_2": _Scale(4.4, 1.0, TANK_HEIGHT_M, "m", "level of tank 2"),
    "chlorine": _Scale(6.0, 2.0, MAX_CHLORINE_MG_L, "mg/l", "chlorine in tank 2"),
}


def html(outcome: Outcome) -> str:
    """Return the report as one HTML document. Raises ValueError where it grew beyond MAX_BYTES."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    text = environment.get_template("report.html").render(
        outcome=outcome,
        overview=Markup(overview(outcome.overview, outcome.guarded)),  # noqa: S704 - plots escape all their text
        bare_overview=Markup(overview(outcome.bare_overview, outcome.bare)),  # noqa: S704 - likewise
        pairs=[(trial, outcome.bare_of(trial.key), _comparison(trial, outcome)) for trial in outcome.guarded],
    )
    size = len(text.encode())
    if size > MAX_BYTES:
        raise ValueError(f"the report has {size} bytes, more than {MAX_BYTES}")
    return text


def overview(curves: tuple[Curve, ...], trials: tuple[Trial, ...]) -> str:
    """Return the chart of one plant over the whole demo, with the attacks as numbered marks."""
    last = max((curve.times[-1] for curve in curves if curve.times), default=1.0)
    frame = Frame(1040, 190, 0.0, last, 4.4, 1.0, "m", TANK_HEIGHT_M)
    styles = ("guarded", "second")
    lines = [Line(curve, style, curve.name) for curve, style in zip(curves, styles, strict=False)]
    marks = [Mark(trial.began_s, str(number)) for number, trial in enumerate(trials, 1)]
    return chart("levels of both tanks over the whole demo", frame, lines, marks)


def _comparison(trial: Trial, outcome: Outcome) -> Markup:
    """Return the chart of one attack with and without the gateway; empty where there is nothing to see."""
    bare = outcome.bare_of(trial.key)
    scale = _SCALES.get(trial.curve.name)
    if bare is None or scale is None:
        return Markup("")
    last = max((curve.times[-1] for curve in (trial.curve, bare.curve) if curve.times), default=1.0)
    frame = Frame(420, 150, -1.0, last, scale.top, scale.step, scale.unit, scale.danger)
    lines = [Line(bare.curve, "bare", "without gateway"), Line(trial.curve, "guarded", "behind the gateway")]
    title = f"{scale.words} during: {trial.title}"
    return Markup(chart(title, frame, lines, [Mark(0.0, "attack")]))  # noqa: S704 - plots escape all their text
