"""The printed result: scenarios, events and targets as plain text. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from bench import ratios
from bench.load import Fate
from bench.ratios import Figure
from bench.rounds import Row
from bench.targets import Target
from bench.trials import Trial

YARDSTICK = "nginx"


def aligned(lines: Sequence[Sequence[str]]) -> str:
    """Return columns, the first and the last one left, the others right, with a line below the head."""
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    text = []
    for first, *figures, last in lines:
        cells = [figure.rjust(width) for figure, width in zip(figures, widths[1:-1], strict=True)]
        text.append("  ".join([first.ljust(widths[0]), *cells, last]))
    return "\n".join([text[0], "-" * max(len(text[0]), 60), *text[1:]])


def scenario_table(rows: Sequence[Row], scenario: str, text: str, contenders: Iterable[str]) -> str:
    """Return one scenario: throughput, ratio, CPU, latency, memory, and what became of the forbidden."""
    head = ["contender", "tx/s", f"/ {YARDSTICK} (low..high)", "CPU us/tx", "beside us/tx", "p50", "p99", "p99.9 us"]
    lines = [[*head, "RSS MB", "forbidden at device", "errors"]]
    lines += [_line(rows, name, scenario) for name in contenders]
    return f"{scenario}: {text}\n{aligned(lines)}"


def _line(rows: Sequence[Row], name: str, scenario: str) -> list[str]:
    mine = [row for row in rows if row.contender == name and row.scenario == scenario]
    relative = ratios.ratio(rows, name, YARDSTICK, scenario, ratios.throughput)
    results = [row.result for row in mine if row.result is not None]
    arrived = sum(row.arrived_forbidden for row in mine)
    errors = sum(result.errors.total + result.harmed for result in results)
    cells = [
        _middle(rows, name, scenario, ratios.throughput, ",.0f"),
        "-" if relative is None else relative.words(),
        _middle(rows, name, scenario, ratios.own_cpu, ".1f"),
        _middle(rows, name, scenario, lambda result: _beside(result.usage.keys(), result.cpu_us), ".1f"),
        *(_middle(rows, name, scenario, figure, ",.0f") for figure in (ratios.p50, ratios.p99, ratios.p999)),
        _middle(rows, name, scenario, lambda result: result.rss_mb("own") or None, ".1f"),
        _fate(arrived, [result.forbidden for result in results]),
        str(errors) if results else "no row",
    ]
    return [name, *cells]


def _fate(arrived: int, fates: Sequence[Fate]) -> str:
    """Return how many forbidden requests the device saw, and what their clients saw."""
    seen = {name: sum(getattr(fate, name) for fate in fates) for name in ("passed", "exception", "reset", "silent")}
    parts = ", ".join(f"{count} {name}" for name, count in seen.items() if count)
    return f"{arrived} of {sum(fate.sent for fate in fates)} ({parts})" if parts else "-"


def _beside(groups: Iterable[str], cost: Callable[[str], float | None]) -> float | None:
    costs = [cost(group) for group in groups if group != "own"]
    found = [one for one in costs if one is not None]
    return sum(found) if found else None


def _middle(rows: Sequence[Row], name: str, scenario: str, figure: Figure, form: str) -> str:
    one = ratios.over(rows, name, scenario, figure)
    return "-" if one is None else f"{one.middle:{form}}"


def event_table(trials: Sequence[Trial]) -> str:
    """Return the tails during events."""
    lines = [["event", "contender", "p50 us", "p99", "p99.9", "max", "errors", "what happened"]]
    for trial in trials:
        if trial.kind == "event":
            reads = None if trial.result is None else trial.result.reads
            cells = ["-"] * 4 if reads is None else [f"{v:,.0f}" for v in (reads.p50, reads.p99, reads.p999, reads.max)]
            errors = "-" if trial.result is None else str(trial.result.errors.total)
            lines.append([trial.name, trial.contender, *cells, errors, trial.note or trial.problem or "-"])
    return aligned(lines) if len(lines) > 1 else ""


def target_table(targets: Sequence[Target]) -> str:
    """Return what was asked and what was reached: the line that counts."""
    lines = [["metric", "must", "aim", "measured: median (low..high)", "rounds", "reached"]]
    for target in targets:
        sign = ">=" if target.is_floor else "<="
        seen = "-" if target.measured is None else f"{target.measured.words()} {target.unit}"
        rounds = "-" if target.measured is None else str(target.measured.rounds)
        lines.append([target.name, f"{sign} {target.must:g}", f"{sign} {target.aim:g}", seen, rounds, target.verdict])
    return aligned(lines)


def absences(absent: Mapping[str, str]) -> str:
    """Return the peers that this machine lacks."""
    return "\n".join(f"absent: {name}: {why}" for name, why in absent.items())


def problems(rows: Sequence[Row], trials: Sequence[Trial]) -> str:
    """Return what went wrong, one line each, equal ones once."""
    found = [f"{row.contender}, {row.scenario}: {row.problem}" for row in rows if row.problem]
    found += [
        f"{row.contender}, {row.scenario}: {told}" for row in rows if row.result is not None for told in row.result.told
    ]
    found += [f"{trial.contender}, {trial.name}: {trial.problem}" for trial in trials if trial.problem]
    return "\n".join(dict.fromkeys(found))
