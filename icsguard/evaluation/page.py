"""The page of an evaluation: one HTML file with tables and plots as inline SVG; no script, no font, no network."""

from __future__ import annotations

from html import escape
from typing import Final

from icsguard.evaluation.tables import Cell, Goal, Result, Row, Table, Trace, goals_table, shown

MAX_POINTS: Final = 900  # of a plotted score: the page is no wider; each point is the largest of what it stands for
_WIDTH: Final = 960
_HEIGHT: Final = 150
_BAR: Final = 15
_LABEL: Final = 250
_KINDS: Final = ("attack", "spoof", "class", "disturbance")  # columns that say what a bar is about
_TOP: Final = 4.0  # plotted scores end at so many thresholds

RULES: Final = (
    "Thresholds come from clean data alone; an event is found by the first alarm inside it; nothing is adjusted "
    "afterwards."
)
STYLE: Final = """
body{font:14px/1.45 system-ui,sans-serif;max-width:1080px;margin:2em auto;padding:0 1em;color:#1b1f24}
h1{font-size:1.5em}h2{font-size:1.15em;margin-top:2em}table{border-collapse:collapse;font-size:12px;margin:.6em 0}
td,th{border-bottom:1px solid #d6dbe1;padding:2px 7px;text-align:right}
td:first-child,th:first-child,td.word{text-align:left}
.no{color:#a40e26;font-weight:600}.yes{color:#116329}.none{color:#6e7781}svg{display:block;margin:.6em 0}
.own{fill:#0a5bd3}.base{fill:#b7bec7}.span{stroke:#1b1f24}.attack{fill:#f3c9c9}.line{fill:none;stroke:#0a5bd3}
.limit{stroke:#a40e26;stroke-dasharray:4 3}
text{font:11px system-ui,sans-serif;fill:#1b1f24}p.note{color:#57606a;margin:.2em 0}
"""


def html(result: Result) -> str:
    """Return the page; all text in it is escaped."""
    plots = {"telemetry": _recalls, "spoofs": _recalls, "commands": _recalls, "disturbances": _recalls}
    parts = [
        "<!doctype html><html lang='en'><meta charset='utf-8'><title>icsguard: evaluation</title>",
        f"<style>{STYLE}</style><h1>How good icsguard is</h1>",
        f"<p>Form {escape(result.form)}, seed {result.seed}. {RULES}</p>",
        *[f"<p class='no'>Failed: {escape(text)}</p>" for text in result.failed],
        _goals(result.goals),
    ]
    for table in result.tables:
        plot = plots.get(table.name, _nothing)(table)
        parts += [f"<h2>{escape(table.title)}</h2>", plot, _table(table)]
        parts += [_trace(one) for one in result.traces if one.name == table.name]
        parts += [f"<p class='note'>{escape(note)}</p>" for note in table.notes]
    facts: tuple[Row, ...] = tuple({"what": name, "value": text} for name, text in result.facts.items())
    parts += ["<h2>Versions and data</h2>", _table(Table("facts", "", facts)), "</html>"]
    return "\n".join(parts) + "\n"


def _goals(goals: tuple[Goal, ...]) -> str:
    words = {True: "yes", False: "no", None: "none"}
    table = goals_table(goals)
    head = "".join(f"<th>{escape(name)}</th>" for name in table.columns)
    body = ""
    for goal, row in zip(goals, table.rows, strict=True):
        of = {"verdict": words[goal.reached], "verdict there": words[goal.seen_reached]}
        cells = [f"<td class='{of.get(name, 'word')}'>{_cell(row.get(name, ''))}</td>" for name in table.columns]
        body += f"<tr>{''.join(cells)}</tr>"
    return f"<h2>Goals</h2><table><tr>{head}</tr>{body}</table>"


def _table(table: Table) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in table.columns)
    body = "".join(
        "<tr>" + "".join(f"<td>{_cell(row.get(name))}</td>" for name in table.columns) + "</tr>" for row in table.rows
    )
    return f"<table><tr>{head}</tr>{body}</table>"


def _cell(cell: Cell) -> str:
    return escape(shown(cell))


def _nothing(_table: Table) -> str:
    return ""


def _recalls(table: Table) -> str:
    """Return bars of icsguard's recall with the 95 % interval; a grey tick is the best baseline."""
    rows = [row for row in table.rows if isinstance(row.get("recall"), float | int)]
    wide = _WIDTH - _LABEL - 60
    parts = [f"<svg viewBox='0 0 {_WIDTH} {len(rows) * _BAR + 6}' role='img' aria-label='{escape(table.title)}'>"]
    for number, row in enumerate(rows):
        y, share = number * _BAR, _number(row["recall"])
        low, _, high = str(row.get("95 % interval", "")).partition("-")
        label = f"{row.get('plant')}: {next((row[name] for name in _KINDS if name in row), '')}"
        parts.append(f"<text x='0' y='{y + 11}'>{escape(label)}</text>")
        parts.append(f"<rect class='own' x='{_LABEL}' y='{y + 2}' width='{wide * share:.1f}' height='{_BAR - 6}'/>")
        if low and high:
            first, last = _LABEL + wide * float(low), _LABEL + wide * float(high)
            parts.append(f"<line class='span' x1='{first:.1f}' x2='{last:.1f}' y1='{y + 6.5}' y2='{y + 6.5}'/>")
        best = max((_number(cell) for name, cell in row.items() if name.endswith(" recall")), default=None)
        if best is not None:
            x = _LABEL + wide * best
            parts.append(f"<rect class='base' x='{x - 1.5:.1f}' y='{y}' width='3' height='{_BAR - 2}'/>")
        parts.append(f"<text x='{_LABEL + wide + 8}' y='{y + 11}'>{share:.2f}</text>")
    return "".join([*parts, "</svg><p class='note'>Bar: icsguard; line: 95 % interval; grey: best blind baseline.</p>"])


def _number(cell: Cell) -> float:
    return float(cell) if isinstance(cell, int | float) else 0.0


def _trace(trace: Trace) -> str:
    """Return a score over time, attacks shaded, the threshold dashed."""
    total = max(len(trace.score), 1)
    parts = [f"<svg viewBox='0 0 {_WIDTH} {_HEIGHT}' role='img' aria-label='{escape(trace.title)}'>"]
    for first, last in trace.attacks:
        x, width = first / total * _WIDTH, max((last - first) / total * _WIDTH, 1.0)
        parts.append(f"<rect class='attack' x='{x:.1f}' y='0' width='{width:.1f}' height='{_HEIGHT}'/>")
    stride = -(-total // MAX_POINTS)
    peaks = [max(trace.score[at : at + stride]) for at in range(0, len(trace.score), stride)]
    line = " ".join(
        f"{index * stride / total * _WIDTH:.1f},{_HEIGHT * (1 - min(peak, _TOP) / _TOP):.1f}"
        for index, peak in enumerate(peaks)
    )
    limit = _HEIGHT * (1 - 1 / _TOP)
    parts += [
        f"<line class='limit' x1='0' x2='{_WIDTH}' y1='{limit}' y2='{limit}'/>",
        f"<polyline class='line' points='{line}'/>",
        f"<text x='4' y='12'>{escape(trace.title)}: score in thresholds, attacks shaded</text></svg>",
    ]
    return "".join(parts)
