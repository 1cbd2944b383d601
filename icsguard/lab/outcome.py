"""What a demo found: everything that the table, the report and the exit status are made of."""

from __future__ import annotations

import msgspec

from icsguard.lab.trial import Check, Curve, Trial


class Phase(msgspec.Struct, frozen=True):
    """One part of the demo: learn, observe, enforce."""

    name: str
    seconds: float
    requests: int
    """Normal requests of operators and engineers in it."""
    writes: int
    hurt: int
    """Normal requests that were not answered normally."""
    text: str
    """What came of it, one sentence."""


class Outcome(msgspec.Struct, frozen=True):
    """The whole demo."""

    version: str
    seed: int
    made: str
    """Date and time, ISO 8601."""
    speed_up: float
    seconds: float
    phases: tuple[Phase, ...]
    guarded: tuple[Trial, ...]
    bare: tuple[Trial, ...]
    overview: tuple[Curve, ...]
    """Levels of the guarded plant over the whole demo; times are seconds since its start."""
    bare_overview: tuple[Curve, ...]
    explanation: tuple[str, ...]
    """What `icsguard explain` says of the refusal that only the twin could make."""
    checks: tuple[Check, ...]
    """What must hold beyond the single attacks."""
    policy: str = ""
    """The learned policy, as text."""

    @property
    def held(self) -> bool:
        """Say whether every expectation held."""
        return not self.broken

    @property
    def broken(self) -> tuple[str, ...]:
        """Every expectation that did not hold, as a sentence with its attack."""
        told = [check.text for check in self.checks if not check.held]
        for trial in (*self.guarded, *self.bare):
            where = "behind the gateway" if trial.guarded else "without a gateway"
            told += [f"{trial.title} {where}: not so: {check.text}" for check in trial.checks if not check.held]
        return tuple(told)

    @property
    def requests(self) -> int:
        """Normal requests behind the gateway, all phases."""
        return sum(phase.requests for phase in self.phases)

    @property
    def hurt(self) -> int:
        """Normal requests that were hurt, all phases."""
        return sum(phase.hurt for phase in self.phases)

    def bare_of(self, key: str) -> Trial | None:
        """Return the same attack on the bare plant."""
        return next((trial for trial in self.bare if trial.key == key), None)
