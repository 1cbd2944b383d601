"""The page docs/reference/plants.md, made from the plants themselves: `python -m icsguard.lab.plants.reference`.

A test compares the page with what this module makes, so that plants and page cannot drift apart.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from typing import Final

from icsguard.core.meaning import Table
from icsguard.lab.plants.api import POLL_S, Plant, Routine, Stroke, Tag
from icsguard.lab.plants.catalog import FROZEN, PLANTS, TUNED
from icsguard.lab.plants.shift import MOVES_APART, WORK_APART


def _span(ends: tuple[int, int]) -> str:
    return f"{ends[0]} to {ends[1]}"


HEAD: Final = f"""# Simulated plants

Made by `python -m icsguard.lab.plants.reference > docs/reference/plants.md`; do not edit by hand.

The plants on which detection is measured (docs/detection.md). Each is a set of equations with the controllers of its
PLC, behind a Modbus device: sensors have noise, registers have quanta, requests and answers are real ADUs. Nothing of
them is needed to guard a real plant.

*At work*: a SCADA server polls all points every {POLL_S:.0f} s. Operators move one set-point within its usual range
every {_span(MOVES_APART)} polls, and carry out a round of maintenance every {_span(WORK_APART)} polls. Demand and
weather follow the plant's day, and two slow random disturbances act that no sensor shows. The equations are those of
small plants; how many of their seconds pass in one poll stands with each plant.

*What counts as harm*: a measured point leaves its **safe** range, clearly (by a hundredth of it), within 60 polls, as
the equations themselves say. **Permitted** is what the point list lets a client write; it is wider than what operators
use, and parts of it do harm. In a month of normal work seven plants never leave a safe range; the feeder does for one
poll in two hundred, water for one in twenty thousand (three months: the frozen plants never).

| plant | what it is | role |
|---|---|---|
"""
_KINDS: Final = {Table.INPUT: "sensor", Table.HOLDING: "number", Table.COIL: "switch", Table.DISCRETE: "state"}


def page() -> str:
    """Return the whole page."""
    rows = "".join(f"| [{name}](#{name}) | {one.title} | {role(one)} |\n" for name, one in PLANTS.items())
    return HEAD + rows + "\n" + "\n".join("\n".join(_lines(one)) for one in PLANTS.values())


def role(plant: Plant) -> str:
    """Return what the plant is used for."""
    if plant in TUNED:
        return "methods are tuned on it"
    return "frozen: run once, at the end" if plant in FROZEN else "was frozen; its results have led to changes since"


def _lines(plant: Plant) -> Iterator[str]:
    yield f"## {plant.name}\n"
    yield _story(plant)
    yield ""
    yield (
        f"One poll is {plant.step_s:g} s of the equations, a day {plant.day_s:g} s ({plant.day_s / plant.step_s:g} "
        "polls)." + (" A recipe of writes runs again and again." if plant.recipe else "")
    )
    yield "\n| point | kind | unit | quantum | noise | safe | permitted | operators | loop |"
    yield "|---|---|---|---|---|---|---|---|---|"
    yield from (_row(tag) for tag in plant.tags)
    yield "\nMaintenance:\n"
    yield from (f"* {_work(plant, one)}" for one in plant.maintenance)
    if plant.recipe:
        yield f"\nRecipe: {_work(plant, plant.recipe)}"
    yield ""


def _story(plant: Plant) -> str:
    return inspect.cleandoc(sys.modules[f"icsguard.lab.plants.{plant.name}"].__doc__ or "")


def _row(tag: Tag) -> str:
    cells = (
        f"`{tag.name}`",
        _KINDS[tag.table],
        tag.unit,
        "" if tag.table.is_bits else f"{tag.scale:g}",
        f"{tag.noise:g}" if tag.noise else "",
        _range(tag.safe),
        _range(tag.writable),
        _range(tag.usual),
        tag.loop,
    )
    return f"| {' | '.join(cells)} |"


def _range(ends: tuple[float | None, float | None] | None) -> str:
    low, high = ends or (None, None)
    if low is None or high is None:
        return f"≥ {low:g}" if low is not None else f"≤ {high:g}" if high is not None else ""
    return f"{low:g} to {high:g}"


def _work(plant: Plant, routine: Routine) -> str:
    switches = {tag.name for tag in plant.tags if tag.table.is_bits}
    return ", ".join(f"{_after(one)}`{one.name}` {_value(one, is_switch=one.name in switches)}" for one in routine)


def _after(stroke: Stroke) -> str:
    return f"after {stroke.after} poll{'s' if stroke.after > 1 else ''} " if stroke.after else ""


def _value(stroke: Stroke, *, is_switch: bool) -> str:
    if is_switch:
        return "on" if stroke.low > 0 else "off"
    return f"{stroke.low:g}" if stroke.low == stroke.high else f"{stroke.low:g} to {stroke.high:g}"


if __name__ == "__main__":
    sys.stdout.write(page())
