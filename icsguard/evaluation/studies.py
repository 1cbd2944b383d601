"""Measurements beside the plants' own tables: poisoned learning data, naming alarms, a rival model, a base model.

Each is measured plant by plant, so that plants can be shared out over processes, and then becomes one table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, cast

from icsguard.evaluation import challenger, exhaustion, opcua, poison, transfer, triage
from icsguard.evaluation.tables import Table
from icsguard.lab.plants.api import Plant

Progress = Callable[[str], None]

POISON_POLLS: Final = 13_000
"""Three days: enough hours for a tenth of them to be a few. The sequence model learns the same days."""
CLEAN_POLLS: Final = 4_320
POISON_EACH: Final = 50
"""Attacks of each of five kinds on a plant: one of them is .4 points of recall."""
DUEL_EACH: Final = 30
TRIAGE_POLLS: Final = 5_000
TRIAGE_EACH: Final = 25


@dataclass(frozen=True, slots=True)
class Study:
    """One measurement beside."""

    seconds: float
    """Of a plant, about, on a quiet core."""
    of: Callable[[Plant, int, Progress], object]
    """(plant, seed, progress): what one plant gives."""
    table: Callable[[Mapping[str, object]], Table]
    """All plants together."""
    once: bool = False
    """It has nothing to do with any plant."""


def _poison(plant: Plant, seed: int, progress: Progress) -> object:
    return poison.measure_poison(plant, POISON_POLLS, POISON_EACH, CLEAN_POLLS, seed, progress)


def _poison_table(found: Mapping[str, object]) -> Table:
    return poison.table(cast("dict[str, list[poison.Variant]]", dict(found)))


def _triage(plant: Plant, seed: int, progress: Progress) -> object:
    return triage.collect(plant, TRIAGE_POLLS, TRIAGE_EACH, seed, progress)


def _triage_table(found: Mapping[str, object]) -> Table:
    return triage.left_out(cast("Mapping[str, triage.Examples]", found))


def _transfer(plant: Plant, seed: int, progress: Progress) -> object:
    return transfer.curve(plant, seed, progress)


def _transfer_table(found: Mapping[str, object]) -> Table:
    return transfer.table([cast("transfer.Curve", one) for one in found.values()])


def _challenger(plant: Plant, seed: int, progress: Progress) -> object:
    return challenger.duel(plant, POISON_POLLS, DUEL_EACH, CLEAN_POLLS, seed, progress)


def _challenger_table(found: Mapping[str, object]) -> Table:
    return challenger.table([cast("challenger.Duel", one) for one in found.values()])


def _exhaustion(plant: Plant, seed: int, progress: Progress) -> object:
    return exhaustion.measure(plant, exhaustion.EACH, seed, progress)


def _exhaustion_table(found: Mapping[str, object]) -> Table:
    return exhaustion.table(cast("Mapping[str, exhaustion.Exhaustion]", found))


def _opcua(plant: Plant, seed: int, progress: Progress) -> object:
    return opcua.measure(plant, opcua.EACH, seed, progress)


def _opcua_table(found: Mapping[str, object]) -> Table:
    return opcua.table(cast("Mapping[str, opcua.UaConduct]", found))


STUDIES: Final[dict[str, Study]] = {
    "poison": Study(85.0, _poison, _poison_table),
    "triage": Study(10.0, _triage, _triage_table),
    "transfer": Study(3.0, _transfer, _transfer_table),
    "challenger": Study(25.0, _challenger, _challenger_table),
    "exhaustion": Study(30.0, _exhaustion, _exhaustion_table, once=True),
    "opcua": Study(150.0, _opcua, _opcua_table, once=True),
}
