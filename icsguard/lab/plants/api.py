"""What a simulated plant is: its tags, its pure step, and what its operators do.

A plant's state is a table of numbers by name. It holds the true value of every measured tag, and whatever else the
plant remembers (integrals of controllers, timers). Controllers are part of the plant, as a PLC is part of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from icsguard.core.meaning import Table
from icsguard.core.point import DataType, Limits, Point

UNIT = 1
"""Modbus unit identifier of every simulated plant."""

POLL_S = 20.0
"""Seconds between two polls. The equations are those of small plants; works are larger and slower by what a plant's
`step_s` says, so that weeks of operation can be simulated within seconds."""

State = dict[str, float]
Told = Mapping[str, float]
"""Commands by name, engineering units; bits are 0 or 1."""


class Outside(NamedTuple):
    """What acts on a plant from outside and is measured by nobody."""

    day: float
    """Part of the day that has passed, 0 to 1."""
    wander_1: float
    """Slow random disturbances with mean 0 and standard deviation about 1."""
    wander_2: float


Advance = Callable[[State, Told, Outside, float], State]
"""(state, commands, outside, seconds) -> the state so many seconds later."""


class Tag(NamedTuple):
    """One point of a plant."""

    name: str
    table: Table
    unit: str = ""
    scale: float = 1.0
    """Engineering units per count of its register."""
    offset: float = 0.0
    noise: float = 0.0
    """Standard deviation of the sensor's noise, engineering units."""
    start: float = 0.0
    """Commands only: the value at the beginning."""
    usual: tuple[float, float] | None = None
    """Commands only: where operators put it."""
    writable: tuple[float, float] | None = None
    """Commands only: what the point list permits to write."""
    safe: tuple[float | None, float | None] = (None, None)
    loop: str = ""

    @property
    def is_command(self) -> bool:
        """Say whether clients write it."""
        return self.table in {Table.COIL, Table.HOLDING}


class Stroke(NamedTuple):
    """One write of an operator's routine: so many polls after the one before, a value drawn from `low` to `high`."""

    after: int
    name: str
    low: float
    high: float


Routine = tuple[Stroke, ...]


@dataclass(frozen=True, slots=True)
class Plant:
    """One plant, complete."""

    name: str
    title: str
    step_s: float
    """Seconds that pass in the plant's equations between two polls (POLL_S apart)."""
    day_s: float
    """Length of a day in the equations' time: demand, weather and shifts repeat with it."""
    tags: tuple[Tag, ...]
    start: State
    advance: Advance
    maintenance: tuple[Routine, ...]
    """Scheduled work: one of them now and then, each back to normal at its end."""
    recipe: Routine = ()
    """Of a batch plant: what the SCADA writes in each cycle; empty for continuous plants."""

    @property
    def points(self) -> tuple[Point, ...]:
        """Return the point list: addresses count up in each table in the order of the tags."""
        used: dict[Table, int] = {}
        found = []
        for tag in self.tags:
            address = used.get(tag.table, 0)
            used[tag.table] = address + 1
            found.append(_point(tag, address))
        return tuple(found)

    @property
    def commands(self) -> tuple[Tag, ...]:
        """Return the tags that clients write."""
        return tuple(tag for tag in self.tags if tag.is_command)

    @property
    def measured(self) -> tuple[Tag, ...]:
        """Return the tags that the device measures."""
        return tuple(tag for tag in self.tags if not tag.is_command)


def _point(tag: Tag, address: int) -> Point:
    low, high = tag.writable or (None, None)
    return Point(
        name=tag.name,
        unit_id=UNIT,
        table=tag.table,
        address=address,
        type=DataType.BOOL if tag.table.is_bits else DataType.U16,
        scale=tag.scale,
        offset=tag.offset,
        unit=tag.unit,
        limits=Limits(minimum=low, maximum=high),
        safe_min=tag.safe[0],
        safe_max=tag.safe[1],
        loop=tag.loop,
    )


def measured(
    name: str,
    unit: str,
    scale: float,
    noise: float,
    *,
    safe: tuple[float | None, float | None] = (None, None),
    loop: str = "",
    offset: float = 0.0,
) -> Tag:
    """Return the tag of a sensor in an input register."""
    return Tag(name, Table.INPUT, unit, scale, offset, noise, safe=safe, loop=loop)


def setpoint(  # noqa: PLR0913 - what a tag is, by keyword
    name: str,
    unit: str,
    scale: float,
    start: float,
    *,
    usual: tuple[float, float] | None,
    writable: tuple[float, float],
    loop: str = "",
    offset: float = 0.0,
) -> Tag:
    """Return the tag of a written number in a holding register. `usual` None: only maintenance moves it."""
    return Tag(name, Table.HOLDING, unit, scale, offset, start=start, usual=usual, writable=writable, loop=loop)


def switch(name: str, start: float, loop: str = "") -> Tag:
    """Return the tag of a coil."""
    return Tag(name, Table.COIL, start=start, loop=loop)
