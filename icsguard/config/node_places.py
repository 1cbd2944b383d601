"""Gives points that live in a node alone a place in an imagined register map, so that twin and learning take them.

Everything behind policy knows points by unit, table and address. On a conduit of OPC UA no such place is on the wire:
`twin.node_traffic` writes what was read, published and written of nodes as rows of this map. Places follow the order of
the list; a changed list makes another map, as it makes another model.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from icsguard.core.ids import MAX_ADDRESS
from icsguard.core.meaning import Table
from icsguard.core.point import DataType, Point, WordOrder

WORDS: Final = DataType.F64.words
PER_UNIT: Final = (MAX_ADDRESS + 1) // WORDS
UNITS: Final = range(1, 248)
"""Units that a map may use; one that real registers of the list use is left out."""


def placed(points: Iterable[Point]) -> tuple[Point, ...]:
    """Return the points that have a node, each with a place; those in registers keep their own."""
    every = [point for point in points if point.node]
    taken = {point.unit_id for point in every if point.in_registers}
    free = [unit for unit in UNITS if unit not in taken]
    made: list[Point] = []
    count = 0
    for point in every:
        if point.in_registers:
            made.append(point)
            continue
        unit, place = divmod(count, PER_UNIT)
        count += 1
        made.append(_at(point, free[unit], place * WORDS))
    return tuple(made)


def _at(point: Point, unit: int, address: int) -> Point:
    return replace(
        point,
        unit_id=unit,
        table=Table.HOLDING,
        address=address,
        type=DataType.F64,
        order=WordOrder.ABCD,
        scale=1.0,
        offset=0.0,
        atomic=True,
    )
