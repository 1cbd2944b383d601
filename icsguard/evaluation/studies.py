"""Measurements beside the plants' own tables: poisoned learning data, naming alarms, a rival model, a base model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from icsguard.evaluation import challenger, poison, transfer, triage
from icsguard.evaluation.tables import Table
from icsguard.lab.plants.catalog import PLANTS, TUNED

Progress = Callable[[str], None]

POISON_POLLS: Final = 13_000
"""Three days: enough hours for a tenth of them to be a few."""
CLEAN_POLLS: Final = 4_320
TRIAGE_POLLS: Final = 5_000
DUEL_POLLS: Final = 8_000


def study(name: str, seed: int, progress: Progress) -> Table:
    """Return the table of one study; `name` is one of STUDIES."""
    return STUDIES[name](seed, progress)


def _poison(seed: int, progress: Progress) -> Table:
    return poison.table(
        {one.name: poison.measure_poison(one, POISON_POLLS, 16, CLEAN_POLLS, seed, progress) for one in PLANTS.values()}
    )


def _triage(seed: int, progress: Progress) -> Table:
    return triage.left_out(
        {name: triage.collect(one, TRIAGE_POLLS, 25, seed, progress) for name, one in PLANTS.items()}
    )


def _transfer(seed: int, progress: Progress) -> Table:
    return transfer.table([transfer.curve(one, seed, progress) for one in PLANTS.values()])


def _challenger(seed: int, progress: Progress) -> Table:
    return challenger.table([challenger.duel(one, DUEL_POLLS, 12, CLEAN_POLLS, seed, progress) for one in TUNED])


STUDIES: Final[dict[str, Callable[[int, Progress], Table]]] = {
    "poison": _poison,
    "triage": _triage,
    "transfer": _transfer,
    "challenger": _challenger,
}
