"""The shadow's pure core: mirrored traffic in, findings out; and an opinion on each write, at once.

Three speeds. `ask` is answered from what is known this moment. `observe` keeps that up to date. `tick` does the rest,
in portions, so that a question never waits behind a score. Without any learnt model it still follows image, rhythm of
writes and conduct of clients, allows every write that these do not speak against, and says so in its status.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from icsguard.core.decision import Decision
from icsguard.core.finding import Finding
from icsguard.core.isolation import IsolationRequest
from icsguard.core.live import PointState
from icsguard.core.sandbox import Option, Sandbox
from icsguard.core.transaction import Opinion, Question, Transaction
from icsguard.detect.conduit import ConduitWatch
from icsguard.detect.flow_model import FlowModel
from icsguard.detect.judging import judge
from icsguard.detect.options import ShadowOptions
from icsguard.detect.paths import PathWatch
from icsguard.detect.triage import Triage
from icsguard.twin.site_model import Holding, Site

FOLLOWED: Final = frozenset({"modbus", "opcua"})
"""Protocols whose traffic is understood here; writes of others are allowed, as policy has allowed them already."""
PORTION: Final = 4
"""Rows and windows scored in one tick at most: a question that comes meanwhile waits for them, 0.3 ms."""


class Shadow:
    """Everything that the shadow knows, of all conduits."""

    def __init__(
        self,
        options: ShadowOptions,
        sites: Mapping[str, Site | None],
        flow_model: FlowModel | None,
        triage: Triage | None = None,
    ) -> None:
        self.options = options
        self.flow_model = flow_model
        self._triage = triage
        self._watches = {
            conduit.name: ConduitWatch(conduit, options, sites.get(conduit.name), flow_model, triage)
            for conduit in options.conduits
            if conduit.protocol in FOLLOWED
        }
        self._paths = PathWatch({name: watch.image for name, watch in self._watches.items()})
        self._asked = self._against = self._unknown = 0

    def observe(self, transactions: Sequence[Transaction], now: int) -> None:
        """Take finished transactions in their order. `now` is only for those that carry no time of their own."""
        for transaction in transactions:
            watch = self._watches.get(transaction.conduit)
            if watch is None:
                self._unknown += 1
                continue
            watch.observe(transaction if transaction.request_at else transaction._replace(request_at=now))

    def ask(self, question: Question, now: int) -> Opinion:
        """Return the opinion on a write. Allows what it cannot judge: policy has allowed it already."""
        self._asked += 1
        opinion = self.rehearse(question, now)
        self._against += opinion.decision > Decision.ALERT
        return opinion

    def rehearse(self, question: Question, now: int) -> Opinion:
        """Return what `ask` would, and count nothing: nobody has asked."""
        watch = self._watches.get(question.conduit)
        if watch is None:
            return Opinion(question.number, Decision.ALLOW, (), "")
        found = judge(watch, question, now)
        decision = found[0].decision if found else Decision.ALLOW
        return Opinion(question.number, decision, tuple(found), watch.site.digest if watch.site else "")

    def tick(self, now: int) -> tuple[list[Finding], list[IsolationRequest]]:
        """Score a portion of what waits; return what was found since the last tick."""
        findings: list[Finding] = []
        isolations: list[IsolationRequest] = []
        for watch in self._watches.values():
            watch.score(now, most=PORTION)
            findings += watch.findings
            isolations += watch.isolations
            watch.findings, watch.isolations = [], []
        return findings + self._paths.look(now), isolations

    def points(self, now: int, conduit: str = "") -> list[PointState]:
        """Return the live values beside what the twin expects."""
        return [state for name, watch in self._watches.items() if conduit in {"", name} for state in watch.points(now)]

    def try_out(self, conduit: str, options: Sequence[Option], now: int) -> Sandbox:
        """Return what would come of each option on one conduit."""
        watch = self._watches.get(conduit)
        return watch.try_out(options, now) if watch else Sandbox(conduit, 0.0, (), f"there is no conduit {conduit}")

    def status(self, now: int) -> dict[str, str | int | float]:
        """Return how the shadow stands; one line `CONDUIT.twin` for each conduit."""
        watches = self._watches.values()
        facts: dict[str, str | int | float] = {
            "questions": self._asked,
            "spoke_against": self._against,
            "transactions": sum(watch.transactions for watch in watches),
            "shed_rows": sum(watch.shed_rows for watch in watches),
            "shed_windows": sum(watch.flows.shed for watch in watches),
            "shed_findings": sum(watch.shed_findings for watch in watches),
            "unknown_conduit": self._unknown,
            "flow_model": self.flow_model.digest if self.flow_model else "none",
            "triage": self._triage.digest if self._triage else "none",
        }
        for name, watch in self._watches.items():
            facts[f"{name}.twin"] = watch.summary(now)
            if watch.site:
                facts[f"{name}.model"] = watch.site.digest
                facts |= {f"{name}.{key}": fact for key, fact in _holding(watch.site.model.holding).items()}
                facts |= {f"{name}.{key}": fact for key, fact in watch.residual_alarm.guarantee.facts().items()}
            if watch.strange:
                facts[f"{name}.strangeness"] = round(watch.strange.score, 3)
        return facts


def _holding(one: Holding) -> dict[str, float]:
    """Return what the status tells of holds: the bands that a forecast must pass a limit by, wrong holds a week."""
    if not one.writes:
        return {}
    return {"hold_certainty": one.certainty, "wrong_holds_expected": round(one.expected, 4)}
