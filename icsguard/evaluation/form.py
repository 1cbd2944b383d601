"""How long an evaluation is: short enough for every build, or long enough to prove something."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


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
    """Commands tried a plant; a part of them is really unsafe, and only those count."""
    ramps: int
    requests: int
    """Requests of each deterministic kind, a plant."""
    real: tuple[str, ...]
    """Recorded sets."""
    studies: tuple[str, ...] = ()
    """Measurements beside: see `evaluation.studies`."""


SHORT: Final = Form("short", ("water", "boiler"), 2_500, 1_200, 8, 120, 4, 20, ())
FULL: Final = Form(
    "full",
    ("water", "pipeline", "hvac", "boiler", "feeder", "reactor"),
    30_240,
    30_240,
    50,
    900,
    12,
    300,
    ("batadal", "wdt", "tep_pasad", "skab", "lemay", "modbus_benign"),
    ("poison", "triage", "transfer", "challenger"),
)
FORMS: Final = {form.name: form for form in (SHORT, FULL)}
