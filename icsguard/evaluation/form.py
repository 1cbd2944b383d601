"""How long an evaluation is: short enough for every build, or long enough to prove something."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from icsguard.lab.plants.catalog import PLANTS

MONTH: Final = 129_600
"""Polls of 20 s in thirty days."""


@dataclass(frozen=True, slots=True)
class Form:
    """Sizes of one run. Polls are 20 s apart: 4320 are a day."""

    name: str
    plants: tuple[str, ...]
    learn_polls: int
    clean_polls: int
    lies: int
    """Attacks of each kind of false telemetry, a plant."""
    commands: int
    """Single commands tried at most, a plant; a part of them is really unsafe, and only those count."""
    ramps: int
    """Ramps, and rhythms, tried at most."""
    requests: int
    """Requests of each deterministic kind, a plant."""
    real: tuple[str, ...]
    """Recorded sets."""
    studies: tuple[str, ...] = ()
    """Measurements beside: see `evaluation.studies`."""
    harmful: int = 1_000_000
    """Of each class of harmful commands, so many are enough."""


SHORT: Final = Form("short", ("water", "boiler"), 2_500, 1_200, 8, 120, 4, 20, ())
FULL: Final = Form(
    "full",
    tuple(PLANTS),
    MONTH,  # a week's threshold lands in half to twice its rate on three plants of four, a month's on nine of ten
    MONTH,
    100,
    4_000,
    400,
    600,
    ("batadal", "wdt", "tep_pasad", "skab", "lemay", "modbus_benign"),
    ("poison", "triage", "transfer", "challenger", "exhaustion", "opcua"),
    harmful=110,
)
FORMS: Final = {form.name: form for form in (SHORT, FULL)}
