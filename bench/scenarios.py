"""What is measured: the scenarios of the table, in a full and a short form."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from bench.load import Load


@dataclass(frozen=True, slots=True)
class Scenario:
    """One row of the table for each contender."""

    name: str
    text: str
    load: Load


def _closed(name: str, connections: int, text: str = "", **more: float) -> Scenario:
    base = Load(connections=connections)
    return Scenario(name, text or f"{connections} connections, closed loop", replace(base, **more))  # type: ignore[arg-type] # numbers of Load


FULL: Final = (
    _closed("c1", 1),
    _closed("c16", 16),
    _closed("c128", 128),
    _closed("c1000", 1000),
    _closed("c16-reads", 16, "16 connections, closed loop, reads only", writes=0.0),
    _closed("c16-cold", 16, "16 connections, closed loop, no read repeats", poll_set=0),
    _closed("c16-deny", 16, "16 connections, closed loop, 5 % forbidden requests", forbidden=0.05),
    Scenario("open50", "50 connections x 10 requests/s, open loop", Load(connections=50, depth=8, rate=10.0)),
)
SHORT: Final = ("c16", "c128", "open50")


def scenarios(*, short: bool, seconds: float) -> tuple[Scenario, ...]:
    """Return the scenarios to run; the open loop takes three times as long, for its tail."""
    chosen = [one for one in FULL if not short or one.name in SHORT]
    return tuple(
        replace(one, load=replace(one.load, seconds=seconds * (3 if one.load.rate and not short else 1)))
        for one in chosen
    )
