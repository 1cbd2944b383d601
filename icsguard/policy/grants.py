"""Grants that name only places: which functions they mean."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from icsguard.core.meaning import Table
from icsguard.core.point import Point
from icsguard.policy.rules import Grant, Service

DATA_FUNCTIONS: Final = MappingProxyType(
    {
        Table.COIL: (1, 5, 15),
        Table.DISCRETE: (2,),
        Table.INPUT: (4,),
        Table.HOLDING: (3, 6, 16, 22, 23),
        Table.FILE: (20, 21),
    }
)
"""The functions that read and write each table (Modbus AP V1.1b3 §6)."""


def spelled_out(grant: Grant, points: tuple[Point, ...]) -> Grant:
    """Return the grant with the functions that reach its targets and points, where it names none itself."""
    if grant.services:
        return grant
    tables = {target.table for target in grant.targets}
    tables |= {point.table for point in points if point.name in grant.points}
    functions = sorted({function for table in tables for function in DATA_FUNCTIONS[table]})
    return Grant(
        id=grant.id,
        client=grant.client,
        until=grant.until,
        reason=grant.reason,
        services=tuple(Service(function) for function in functions),
        units=grant.units,
        targets=grant.targets,
        points=grant.points,
        max_uses=grant.max_uses,
        since=grant.since,
    )
