"""The tail of permitted reads while something happens: 50 connections x 10 requests/s, open loop, one event each.

What makes the event (a flood, a storm, a second client) runs on the other core, so that the data core carries only
what the gateway has to do with it.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from bench.device import Device, device
from bench.load import Load, LoadFailedError, begin, finish
from bench.peers.api import Contender, Stage, Standing
from bench.process import NotReadyError, free_port
from bench.rounds import Ground, fresh_folder
from bench.trials import Trial

EVERY_S: Final = 1.0
"""Between two reloads."""
LEAST_S: Final = 0.1
FLOOD: Final = Load(connections=10, rate=500.0, depth=8, forbidden=1.0, warm_up=0.2, first_connection=100)
STORM: Final = Load(connections=1000, storm=True, seconds=1)
ARRIVALS: Final = 20  # parts of a storm that comes within a second instead of at once
BESIDE: Final = Load(connections=20, rate=10.0, depth=2, warm_up=0.2, first_connection=200, timeout_ms=3000)


@dataclass(frozen=True, slots=True)
class Scene:
    """A contender under load, and what an event may use."""

    ground: Ground
    standing: Standing
    second_device: Device
    until: float
    """When the measured interval ends (time.monotonic)."""

    @property
    def left_s(self) -> float:
        """How long the measured interval still is."""
        return max(self.until - time.monotonic(), 0.0)

    def wait_out(self) -> None:
        """Wait until it ends."""
        time.sleep(self.left_s)


Happen = Callable[[Scene], str]


def _quiet(scene: Scene) -> str:
    scene.wait_out()
    return ""


def _repeat(action: str) -> Happen:
    def happen(scene: Scene) -> str:
        count = 0
        done = scene.standing.done.get(action)
        before = done() if done else 0
        while scene.left_s > EVERY_S:
            scene.standing.actions[action]()
            count += 1
            time.sleep(EVERY_S)
        scene.wait_out()
        return f"{count} times" + (f", {done() - before} took effect meanwhile" if done else "")

    return happen


def _stall(role: str) -> Happen:
    def happen(scene: Scene) -> str:
        seconds = scene.left_s
        scene.standing.actions[f"stall {role}"]()
        try:
            scene.wait_out()
        finally:
            scene.standing.actions[f"resume {role}"]()
        return f"{seconds:.0f} s long"

    return happen


def _flood(scene: Scene) -> str:
    load = replace(FLOOD, seconds=max(scene.left_s - 0.2, LEAST_S))
    process = begin(scene.ground.programs / "load", load, scene.standing.port, prefix=scene.ground.place.disturber)
    result = finish(process, load)
    fate = result.forbidden
    return (
        f"{result.per_second:.0f} a second: {fate.exception} refused, {fate.passed} passed, "
        f"{fate.reset + fate.silent} unanswered; refusal p99 {result.refusals.p99:.0f} us"
    )


def _storm(scene: Scene) -> str:
    notes = []
    while scene.left_s > EVERY_S:
        port, programs = scene.standing.second_port, scene.ground.programs
        result = finish(begin(programs / "load", STORM, port, prefix=scene.ground.place.disturber), STORM)
        notes.append(f"{result.reads.count} served within {result.reads.max / 1e3:.0f} ms")
        time.sleep(EVERY_S)
    scene.wait_out()
    return f"{len(notes)} storms; the last: {notes[-1] if notes else 'none'}"


def _arrivals(scene: Scene) -> str:
    part = replace(STORM, connections=STORM.connections // ARRIVALS)
    port, programs = scene.standing.second_port, scene.ground.programs
    served, slowest, count = 0, 0.0, 0
    while scene.left_s > 1 / ARRIVALS:
        next_at = time.monotonic() + 1 / ARRIVALS
        result = finish(begin(programs / "load", part, port, prefix=scene.ground.place.disturber), part)
        served, slowest, count = served + result.reads.count, max(slowest, result.reads.max), count + 1
        time.sleep(max(next_at - time.monotonic(), 0))
    scene.wait_out()
    return f"{count} x {part.connections} connections, {served} served, the slowest within {slowest / 1e3:.0f} ms"


def _hung_device(scene: Scene) -> str:
    load = replace(BESIDE, seconds=max(scene.left_s - 0.2, LEAST_S))
    port, programs = scene.standing.second_port, scene.ground.programs
    process = begin(programs / "load", load, port, prefix=scene.ground.place.disturber)
    scene.second_device.hang()
    try:
        result = finish(process, load)
    finally:
        scene.second_device.resume()
    errors = result.errors
    return f"its own clients: {errors.exception} told by exception, {errors.timed_out + errors.reset} left alone"


EVENTS: Final[dict[str, Happen]] = {
    "nothing": _quiet,
    "policy reload": _repeat("policy reload"),
    "huge policy reload": _repeat("huge policy reload"),
    "model reload": _repeat("model reload"),
    "stalled log": _stall("recorder"),
    "stalled shadow": _stall("shadow"),
    "5 000 denied requests a second": _flood,
    "1 000 connections at once": _storm,
    "1 000 connections a second": _arrivals,
    "hung device beside": _hung_device,
}
NEEDS: Final = {
    "policy reload": "policy reload",
    "huge policy reload": "huge policy reload",
    "model reload": "model reload",
    "stalled log": "stall recorder",
    "stalled shadow": "stall shadow",
}
"""Events that only some contenders know: the action that they need."""
SHORT: Final = ("policy reload", "stalled log", "5 000 denied requests a second")


def play_events(
    ground: Ground, contender: Contender, *, seconds: float, names: tuple[str, ...] = tuple(EVENTS)
) -> Iterator[Trial]:
    """Yield a trial for each event that the contender knows."""
    for name in names:
        try:
            trial = _one(ground, contender, name, seconds)
        except (NotReadyError, LoadFailedError, TimeoutError) as error:
            trial = Trial("event", name, contender.name, problem=str(error))
        if trial is not None:
            yield trial


def _one(ground: Ground, contender: Contender, name: str, seconds: float) -> Trial | None:
    load = Load(connections=50, depth=8, rate=10.0, seconds=seconds)
    with _scene(ground, contender) as (standing, second):
        if name in NEEDS and NEEDS[name] not in standing.actions:
            return None
        programs, place = ground.programs, ground.place
        process = begin(programs / "load", load, standing.port, prefix=place.data, watch=standing.watched)
        time.sleep(load.warm_up + 0.2)
        until = time.monotonic() + seconds - 0.4
        try:
            note = EVENTS[name](Scene(ground, standing, second, until))
        finally:
            result = finish(process, load)
    problem = "; ".join(result.told[:2]) if result.errors.total else ""
    return Trial("event", name, contender.name, result, problem=problem, note=note)


@contextlib.contextmanager
def _scene(ground: Ground, contender: Contender) -> Iterator[tuple[Standing, Device]]:
    folder = fresh_folder(ground, contender.name)
    ports = free_port(), free_port()
    place, programs = ground.place, ground.programs
    with (
        device(programs, ports[0], folder / "device.log", prefix=place.data),
        device(programs, ports[1], folder / "second.log", prefix=place.disturber) as second,
        contender.stand(Stage(place, programs, folder, ports[0], ports[1])) as standing,
    ):
        yield standing, second
