"""A plant with the whole shadow behind it, learnt as `icsguard learn` learns: export, gate and ONNX included."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from icsguard.config.settings import Conduit
from icsguard.core.finding import Finding
from icsguard.core.point import Point
from icsguard.core.transaction import Opinion, Question, Transaction
from icsguard.detect.flow_model import FlowModel
from icsguard.detect.options import ConduitOptions, ShadowOptions
from icsguard.detect.residuals import Levels
from icsguard.detect.shadow import Shadow
from icsguard.learn.export import export, site_key
from icsguard.learn.fit import fit
from icsguard.policy.rules import Policy
from icsguard.runtime.model_store import PUBLIC_KEY, ModelStore
from icsguard.runtime.places import models_dir
from icsguard.twin.site_model import Site, SiteModel

HORIZON_POLLS: Final = 60
"""How far writes are rolled out, in polls: what the fidelity gate measures."""
WINDOW_POLLS: Final = 10
PER_DAY: Final = 1.0
"""The alarm budget that everything is calibrated for."""


@dataclass(frozen=True, slots=True)
class Taught:
    """One site that was learnt."""

    conduit: str
    points: tuple[Point, ...]
    site: Site
    flow: FlowModel | None
    poll_s: float
    per_day: float

    @property
    def model(self) -> SiteModel:
        """The learnt process."""
        return self.site.model

    @property
    def threshold(self) -> float:
        """What the residual score of a row must exceed."""
        return self.model.residuals.threshold

    def guard(self) -> Guarded:
        """Return a fresh shadow of this site."""
        options = ShadowOptions(
            (ConduitOptions(self.conduit, self.points),),
            horizon_s=HORIZON_POLLS * self.poll_s,
            window_s=WINDOW_POLLS * self.poll_s,
            alarms_per_day=self.per_day,
        )
        return Guarded(self.conduit, Shadow(options, {self.conduit: self.site}, self.flow))


class Guarded:
    """A shadow that is fed and asked as the shadow process does it."""

    def __init__(self, conduit: str, shadow: Shadow) -> None:
        self._conduit, self._shadow = conduit, shadow
        self.transactions = 0

    def see(self, transactions: Sequence[Transaction]) -> list[Finding]:
        """Mirror transactions; return what is found by then."""
        if not transactions:
            return []
        self.transactions += len(transactions)
        now = max(one.response_at or one.request_at for one in transactions)
        self._shadow.observe(transactions, now)
        return self._shadow.tick(now)[0]

    def wait(self, now: int) -> list[Finding]:
        """Let time pass without traffic; return what is found by then."""
        return self._shadow.tick(now)[0]

    def ask(self, question: Question) -> Opinion:
        """Return the opinion on a write."""
        return self._shadow.ask(question, question.asked_at)

    def fact(self, name: str) -> float:
        """Return one number that the status shows of this conduit; 0 where it shows none."""
        return float(self._shadow.status(0).get(f"{self._conduit}.{name}", 0.0))

    def levels(self) -> Levels | None:
        """Return the last scored row in full."""
        watch = self._shadow._watches[self._conduit]  # noqa: SLF001 - the harness looks where operators cannot
        return watch.residuals.levels if watch.residuals else None

    def louder(self, factor: float) -> None:
        """Make every residual larger from now on: the plant is no longer what was learnt."""
        watch = self._shadow._watches[self._conduit].residuals  # noqa: SLF001 - no plant can be asked to do just that
        if watch is not None:
            watch._sigma /= factor  # noqa: SLF001 - likewise

    def score(self) -> float:
        """Return the residual score of the last row, in units of its threshold's scale; 0 before the first."""
        return self.fact("strangeness")


def teach(
    transactions: Sequence[Transaction],
    *,
    conduit: str,
    points: tuple[Point, ...],
    poll_s: float,
    per_day: float = PER_DAY,
    with_flows: bool = True,
) -> Taught:
    """Return what a recording teaches; raise NothingToLearnError where it teaches nothing."""
    store = ModelStore()
    flow = store.flow(models_dir()) if with_flows else None
    settings = Conduit(conduit, "127.0.0.1", 1502, "127.0.0.1", 502, policy=Policy(points=points))
    fitted = fit(
        transactions,
        settings,
        horizon_s=HORIZON_POLLS * poll_s,
        window_s=WINDOW_POLLS * poll_s,
        alarms_per_day=per_day,
        flow_model=flow,
    )
    with tempfile.TemporaryDirectory(prefix="icsguard-evaluate-") as folder:
        state = Path(folder)
        export(fitted, state / conduit, site_key(state))
        site = store.site(state / conduit, state / PUBLIC_KEY)
    return Taught(conduit, points, site, flow, poll_s, per_day)
