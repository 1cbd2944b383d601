"""Rounds: each contender in turn under each scenario, in an order that turns every second round."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.device import device
from bench.load import LoadFailedError, Result, run
from bench.peers.api import Contender, Stage
from bench.peers.suricata import space
from bench.place import Place
from bench.process import NotReadyError, free_port
from bench.scenarios import Scenario


@dataclass(frozen=True, slots=True)
class Row:
    """One contender under one scenario in one round."""

    round: int
    contender: str
    scenario: str
    steady: bool
    result: Result | None
    """None where the contender did not stand up or the load could not run."""
    arrived_forbidden: int = 0
    """Forbidden requests that the device itself counted."""
    problem: str = ""
    side: tuple[str, ...] = field(default=())
    """Names of the process groups beside the data path."""

    @property
    def counts(self) -> bool:
        """Say whether its figures may be compared: a row with errors has none."""
        return self.result is not None and self.result.errors.total == 0


@dataclass(frozen=True, slots=True)
class Ground:
    """Where rounds are played."""

    place: Place
    programs: Path
    folder: Path
    delay_us: int = 0


def play(ground: Ground, contenders: Sequence[Contender], scenarios: Sequence[Scenario], rounds: int) -> Iterator[Row]:
    """Yield a row for each round, contender and scenario."""
    for number in range(rounds):
        for contender in contenders if number % 2 == 0 else contenders[::-1]:
            yield from _stand(ground, contender, scenarios, number)


def fresh_folder(ground: Ground, name: str) -> Path:
    """Return an empty folder for a contender."""
    folder = ground.folder / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _stand(ground: Ground, contender: Contender, scenarios: Sequence[Scenario], number: int) -> Iterator[Row]:
    folder = fresh_folder(ground, contender.name)
    port = free_port()
    prefix = [*contender.wrap, *ground.place.data]
    left = list(scenarios)
    try:
        with contextlib.ExitStack() as stack:
            stack.enter_context(space(contender.wrap))
            plc = stack.enter_context(
                device(ground.programs, port, folder / "device.log", prefix=prefix, delay_us=ground.delay_us)
            )
            standing = stack.enter_context(contender.stand(Stage(ground.place, ground.programs, folder, port)))
            forbidden = 0
            while left:
                result = run(
                    ground.programs / "load", left[0].load, standing.port, prefix=prefix, watch=standing.watched
                )
                before, forbidden = forbidden, plc.arrived().forbidden
                row = (number, contender.name, left.pop(0).name, ground.place.is_steady, result, forbidden - before)
                yield Row(*row, side=tuple(standing.side))
    except (NotReadyError, LoadFailedError, TimeoutError) as error:
        for scenario in left:
            yield Row(number, contender.name, scenario.name, ground.place.is_steady, None, problem=str(error))
