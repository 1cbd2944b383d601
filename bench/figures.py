"""Two prices: what the twin's judgement adds to a write, and what the shadow costs the gateway."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from bench.device import device
from bench.load import Load, LoadFailedError, Result, run
from bench.peers.api import Contender, Stage
from bench.peers.icsguard import Icsguard, status
from bench.peers.plain import Direct
from bench.process import NotReadyError, free_port
from bench.ratios import spread
from bench.rounds import Ground, fresh_folder
from bench.trials import Trial

JUDGED: Final = Load(connections=10, rate=10.0, depth=8, plant=True, writes=0.5, warm_up=6.0)
"""Set-points of the fake device's plant; the warm-up is what the twin needs to be in step with it."""
PRICED: Final = Load(connections=16)


def judged_writes(ground: Ground, *, seconds: float, rounds: int) -> list[Trial]:
    """Return what judgement by the twin adds to the median and to the 99th percentile of a direct write's median."""
    names = ("write judged by the twin, added p50", "write judged by the twin, added p99")
    load = replace(JUDGED, seconds=seconds)
    p50, p99, notes = [], [], []
    try:
        for _ in range(rounds):
            direct, _note = _measure(ground, Direct(), load)
            guarded, note = _measure(ground, Icsguard(), load)
            p50.append((guarded.writes.p50 - direct.writes.p50) / 1e3)
            p99.append((guarded.writes.p99 - direct.writes.p50) / 1e3)
            notes.append(note)
    except (NotReadyError, LoadFailedError, TimeoutError, WrongRunError) as error:
        return [Trial("figure", name, "icsguard", problem=str(error)) for name in names]
    return [
        Trial("figure", name, "icsguard", figure=spread(values), note=notes[-1])
        for name, values in zip(names, (p50, p99), strict=True)
    ]


def shadow_price(ground: Ground, *, seconds: float, rounds: int) -> Trial:
    """Return the gateway's CPU per transaction with the shadow against without, one round at a time."""
    name = "shadow on / off, gateway CPU"
    load = replace(PRICED, seconds=seconds)
    values: list[float | None] = []
    try:
        for _ in range(rounds):
            costs = [_measure(ground, Icsguard(shadow=shadow), load)[0].cpu_us("own") for shadow in (True, False)]
            values.append(costs[0] / costs[1] if costs[0] and costs[1] else None)
    except (NotReadyError, LoadFailedError, TimeoutError, WrongRunError) as error:
        return Trial("figure", name, "icsguard", problem=str(error))
    return Trial("figure", name, "icsguard", figure=spread(values))


class WrongRunError(Exception):
    """The run was not what it should measure; the text says what was wrong."""


def _measure(ground: Ground, contender: Contender, load: Load) -> tuple[Result, str]:
    """Run one load on a contender; for icsguard see that the twin really judged. Raises WrongRunError."""
    folder = fresh_folder(ground, contender.name)
    port = free_port()
    place, programs = ground.place, ground.programs
    with (
        device(programs, port, folder / "device.log", prefix=place.data),
        contender.stand(Stage(place, programs, folder, port)) as standing,
    ):
        result = run(programs / "load", load, standing.port, prefix=place.data, watch=standing.watched)
        note = _judgement(result, folder, load) if "shadow" in standing.side else ""
    if result.errors.total:
        raise WrongRunError(f"{contender.name}: {result.errors.total} errors: {'; '.join(result.told[:2])}")
    return result, note


def _judgement(result: Result, folder: Path, load: Load) -> str:
    now = status(folder)
    facts = next(part.facts for part in now.parts if part.role == "shadow")
    twin = str(facts.get("cell.twin", "none"))
    failovers = sum(one.failovers for one in now.conduits)
    if load.plant and not twin.startswith("trusted"):
        raise WrongRunError(f"the twin did not judge: {twin}")
    asked = f"{facts.get('questions', 0)} questions, {failovers} without an answer in time"
    return f"{asked}; twin {twin}; {result.writes.count} writes measured"


def all_figures(ground: Ground, *, seconds: float, rounds: int) -> Iterator[Sequence[Trial]]:
    """Yield the figures as they come."""
    yield judged_writes(ground, seconds=seconds, rounds=rounds)
    yield [shadow_price(ground, seconds=seconds, rounds=rounds)]
