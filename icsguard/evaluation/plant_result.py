"""All that was measured on one plant, and how it reads as rows of tables."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isfinite

from icsguard.detect.limits import Limit
from icsguard.evaluation import disturbances
from icsguard.evaluation.clean import Clean
from icsguard.evaluation.commands import CommandTrial
from icsguard.evaluation.conduct import KINDS, Conduct
from icsguard.evaluation.cost import NOT_MEASURED, Cost
from icsguard.evaluation.metrics import Tally
from icsguard.evaluation.tables import Row
from icsguard.learn.bounds import upper_bound


@dataclass(frozen=True, slots=True)
class PlantResult:
    """One plant."""

    name: str
    frozen: bool
    """Methods were not tuned on it."""
    clean: Clean
    lies: dict[str, Tally]
    lie_rows: tuple[Row, ...]
    areas: tuple[Row, ...]
    first_seen_by: dict[str, int]
    commands: CommandTrial
    conduct: Conduct
    data_digest: str
    trusted_polls: int
    """How far the best forecast may be believed."""
    disturbances: dict[str, Tally] = field(default_factory=dict)
    cost: Cost = NOT_MEASURED
    limits: tuple[Limit, ...] = ()
    """What the twin would not notice, point by point."""
    spoofs: dict[str, Tally] = field(default_factory=dict)
    spoof_rows: tuple[Row, ...] = ()

    def disturbance_rows(self) -> list[Row]:
        """Return a row for each kind of disturbance on the path."""
        return [
            {"plant": self.name, "disturbance": kind, "row": disturbances.KINDS[kind][0], **tally.cells()}
            for kind, tally in self.disturbances.items()
        ]

    def limit_rows(self) -> list[Row]:
        """Return a row for each measured point; shares of the span seen while learning, none where nothing is found."""
        return [
            {
                "plant": self.name,
                "point": one.name,
                "sudden, share of span": one.sudden / one.span if isfinite(one.sudden) else None,
                "creeping, share of span": one.creeping / one.span if isfinite(one.creeping) else None,
                "frozen after, polls": one.frozen_after or None,
            }
            for one in self.limits
        ]

    def cost_row(self) -> Row:
        """Return what the shadow costs."""
        one = self.cost
        return {
            "plant": self.name,
            "transactions": one.transactions,
            "us CPU a transaction": one.seeing_us,
            "writes judged": one.questions,
            "us CPU a judged write": one.asking_us,
        }

    def command_rows(self) -> list[Row]:
        """Return a row for each class of harmful writes, and one for the price."""
        tried = self.commands
        classes = (
            ("value of a set-point or drive", tried.jumps),
            ("switch", tried.switches),
            ("slow ramp", tried.ramps),
            ("toggling", tried.toggles),
        )
        rows: list[Row] = []
        for name, tally in classes:
            cells = tally.cells()
            cells["stopped"] = cells.pop("found")
            rows.append({"plant": self.name, "class": name, **cells})
        held = f"{tried.harmless_held} of {tried.harmless} unusual but harmless tries were held too"
        rows[0]["price"] = held
        return rows

    def conduct_rows(self) -> list[Row]:
        """Return a row for each kind of request that no policy permits."""
        return [
            {
                "plant": self.name,
                "kind": name,
                "row": KINDS[name][0],
                "requests": tally.count,
                "stopped": tally.hits,
                "missed": tally.count - tally.hits,
                "missed, 95 % at most": upper_bound(tally.count - tally.hits, tally.count),
            }
            for name, tally in self.conduct.kinds.items()
        ]

    def refusal_row(self) -> Row:
        """Return the row of false refusals."""
        one = self.conduct
        return {
            "plant": self.name,
            "benign requests": one.clean_requests,
            "falsely refused": one.clean_refused,
            "share, 95 % at most": upper_bound(one.clean_refused, one.clean_requests),
        }
