"""`python -m bench`: one command, one run, one table.

Full form (about three quarters of an hour): all contenders, all scenarios, five rounds, all events. `--short`: under
three minutes.
Results go to build/bench/results: rows as JSON lines, a plot, and the printed table. docs/performance.md explains them.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from bench import table
from bench.build import OUTPUT, NoCompilerError, build
from bench.events import EVENTS, play_events
from bench.events import SHORT as SHORT_EVENTS
from bench.figures import judged_writes, shadow_price
from bench.machine import Machine, this_machine
from bench.peers.api import Contender
from bench.peers.haproxy import Haproxy
from bench.peers.icsguard import Icsguard
from bench.peers.modbus_proxy import ModbusProxy
from bench.peers.nginx import Nginx
from bench.peers.plain import Direct, Relay
from bench.peers.suricata import Suricata
from bench.place import choose
from bench.plot import svg
from bench.rounds import Ground, Row, play
from bench.scenarios import Scenario, scenarios
from bench.targets import Target, targets
from bench.trials import Trial

RESULTS: Final = OUTPUT / "results"
SHORT_ONES: Final = ("direct", "nginx", "modbus-proxy", "icsguard")
EVENT_S: Final = 20.0
EVENT_ROUNDS: Final = 3
"""At 500 requests a second p99.9 has ten samples beyond it, and one stall of the machine is all of them: the median of
three rounds counts. Peers show what the machine does to everybody, and are played once."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What this run does."""

    contenders: tuple[Contender, ...]
    absent: dict[str, str]
    scenarios: tuple[Scenario, ...]
    rounds: int
    seconds: float
    events: tuple[str, ...]
    event_seconds: float
    figures: bool


def all_contenders() -> list[Contender]:
    """Return every contender in the order of the table."""
    suricata = [Suricata(log=False), Suricata(log=True)]
    return [
        Direct(),
        Relay(),
        Nginx(),
        Haproxy(),
        *suricata,
        ModbusProxy(),
        Icsguard(),
        Icsguard("icsguard-python", core="python"),
    ]


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--short", action="store_true", help="fewer contenders and scenarios, under three minutes")
    parser.add_argument("--rounds", type=int, help="rounds (default 5, short 3)")
    parser.add_argument("--seconds", type=float, help="measured seconds of a row (default 5, short 1.5)")
    parser.add_argument("--event-seconds", type=float, help="measured seconds of an event (default 20, short 4)")
    parser.add_argument("--only", default="", help="contenders, separated by commas")
    parser.add_argument("--scenario", default="", help="scenarios, separated by commas")
    parser.add_argument("--events", default="", help=f"events, separated by commas, of: {', '.join(EVENTS)}")
    parser.add_argument("--no-events", action="store_true", help="leave out the events")
    parser.add_argument("--no-figures", action="store_true", help="leave out judged writes and the shadow's price")
    parser.add_argument("--output", type=Path, default=RESULTS, help="folder of the results (default %(default)s)")
    parser.add_argument("--no-realtime", action="store_true", help="ordinary priority: rows are not steady")
    parser.add_argument(
        "--side-realtime", action="store_true", help="shadow and recorder too: where others use the machine meanwhile"
    )
    return parser.parse_args(argv)


def plan(options: argparse.Namespace) -> Plan:
    """Return what to do, with the contenders that this machine has."""
    wanted = set(filter(None, options.only.split(","))) or (set(SHORT_ONES) if options.short else set())
    chosen = [one for one in all_contenders() if not wanted or one.name in wanted]
    absent = {one.name: one.absent() for one in chosen}
    seconds = options.seconds or (1.5 if options.short else 5.0)
    named = set(filter(None, options.scenario.split(",")))
    usual = SHORT_EVENTS if options.short else tuple(EVENTS)
    events = () if options.no_events else tuple(filter(None, options.events.split(","))) or usual
    unknown = set(events) - set(EVENTS)
    if unknown:
        raise SystemExit(f"bench: no event is called {', '.join(sorted(unknown))}")
    return Plan(
        contenders=tuple(one for one in chosen if not absent[one.name]),
        absent={name: why for name, why in absent.items() if why},
        scenarios=tuple(
            one
            for one in scenarios(short=options.short and not named, seconds=seconds)
            if not named or one.name in named
        ),
        rounds=options.rounds or (3 if options.short else 5),
        seconds=seconds,
        events=events,
        event_seconds=options.event_seconds or (4.0 if options.short else EVENT_S),
        figures=not options.no_figures,
    )


def trials_of(ground: Ground, todo: Plan, *, short: bool) -> Iterator[Trial]:
    """Yield events, then figures."""
    for round_ in range(1 if short else EVENT_ROUNDS) if todo.events else ():
        for contender in todo.contenders:
            if contender.name == "icsguard":
                names = todo.events
            elif contender.name in {"nginx", "haproxy"} and not short and round_ == 0:
                names = tuple(name for name in todo.events if "denied" not in name)
            else:
                continue
            yield from play_events(ground, contender, seconds=todo.event_seconds, names=names)
    if todo.figures and any(one.name == "icsguard" for one in todo.contenders):
        rounds = 1 if short else 3
        yield from judged_writes(ground, seconds=4.0 if short else 20.0, rounds=rounds)
        yield shadow_price(ground, seconds=todo.seconds, rounds=rounds)


def report(todo: Plan, rows: Sequence[Row], trials: Sequence[Trial], machine: Machine, place: str) -> str:
    """Return the whole printed result."""
    names = [one.name for one in todo.contenders]
    versions = ", ".join(f"{one.name} {one.version()}" for one in todo.contenders if one.version() != "-")
    parts = [f"{machine.words()}\n{place}\n{versions}", table.absences(todo.absent)]
    parts += [table.scenario_table(rows, one.name, one.text, names) for one in todo.scenarios]
    parts += [table.event_table(trials), table.problems(rows, trials)]
    parts += [table.target_table(targets(rows, trials, todo.absent))]
    return "\n\n".join(part for part in parts if part)


def keep(output: Path, rows: Sequence[Row], trials: Sequence[Trial], found: Sequence[Target], machine: Machine) -> Path:
    """Write the rows as JSON lines, machine first; return the file."""
    output.mkdir(parents=True, exist_ok=True)
    path = output / "rows.jsonl"
    encode = msgspec.json.encode
    lines = [encode({"machine": machine}), *(encode({"row": row}) for row in rows)]
    lines += [encode({"trial": trial}) for trial in trials]
    lines += [encode({"target": target, "verdict": target.verdict}) for target in found]
    path.write_bytes(b"\n".join(lines) + b"\n")
    return path


def measure(ground: Ground, todo: Plan, *, short: bool) -> tuple[list[Row], list[Trial]]:
    """Measure everything, one printed line each as it comes."""
    rows: list[Row] = []
    trials: list[Trial] = []
    for row in play(ground, todo.contenders, todo.scenarios, todo.rounds):
        rows.append(row)
        print(_progress(row), flush=True)
    for trial in trials_of(ground, todo, short=short):
        trials.append(trial)
        print(f"{trial.contender}, {trial.name}: {trial.note or trial.problem or 'done'}", flush=True)
    return rows, trials


def main(argv: Sequence[str] | None = None) -> int:
    """Measure; return 0 where every row came without errors."""
    options = parse(argv)
    try:
        programs = build()
    except NoCompilerError as error:
        sys.stderr.write(f"bench: {error}\n")
        return 2
    machine, place, todo = (
        this_machine(),
        choose(realtime=not options.no_realtime, side_realtime=options.side_realtime),
        plan(options),
    )
    ground = Ground(place, programs, OUTPUT / f"stage-{os.getpid()}")
    try:
        rows, trials = measure(ground, todo, short=options.short)
    finally:
        shutil.rmtree(ground.folder, ignore_errors=True)
    text = report(todo, rows, trials, machine, place.words())
    path = keep(options.output, rows, trials, targets(rows, trials, todo.absent), machine)
    names = [one.name for one in todo.contenders]
    caption = f"{machine.words()}; {place.words()}"
    path.with_name("ratios.svg").write_text(svg(rows, [one.name for one in todo.scenarios], names, caption))
    path.with_name("table.txt").write_text(text + "\n")
    print(f"\n{text}\n\n{path.parent}: rows.jsonl, ratios.svg, table.txt")
    return 0 if all(row.counts for row in rows) else 1


def _progress(row: Row) -> str:
    if row.result is None:
        return f"round {row.round + 1}  {row.contender:14} {row.scenario:10} {row.problem}"
    errors = f", {row.result.errors.total} errors" if row.result.errors.total else ""
    return f"round {row.round + 1}  {row.contender:14} {row.scenario:10} {row.result.per_second:9,.0f} tx/s{errors}"


if __name__ == "__main__":
    sys.exit(main())
