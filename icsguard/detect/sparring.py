"""A challenger beside the champion: sees the same traffic and is asked the same questions, and never acts.

Its opinions reach nobody, its findings become notes. What is counted here decides later whether it may be promoted
(`detect.promotion`); the counts live as long as both models stay what they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from icsguard.core.clock import HOUR
from icsguard.core.decision import Decision
from icsguard.core.finding import Finding
from icsguard.core.transaction import Opinion, Question, Transaction
from icsguard.detect.flow_model import FlowModel
from icsguard.detect.options import ShadowOptions
from icsguard.detect.shadow import Shadow
from icsguard.twin.site_model import Site

STATISTICAL: Final = frozenset({"implausible", "implausible-drift", "unusual-flow"})
"""Findings that depend on a model; all others are the same for both."""
MAX_NOTES: Final = 64  # findings of a challenger that wait to be written down; more are only counted


class Sparring:
    """One conduit's challenger."""

    def __init__(self, options: ShadowOptions, conduit: str, site: Site, flow: FlowModel | None, now: int) -> None:
        mine = tuple(one for one in options.conduits if one.name == conduit)
        self.conduit, self.digest = conduit, site.digest
        self._core = Shadow(replace(options, conduits=mine), {conduit: site}, flow)
        self._since = now
        self._alarms = [0, 0]
        self._holds = [0, 0]
        self._differed = 0
        self.notes: list[Finding] = []
        """What it would have told, for the record."""

    def observe(self, transactions: Sequence[Transaction], now: int) -> None:
        """Take the traffic that the champion took."""
        self._core.observe([one for one in transactions if one.conduit == self.conduit], now)

    def asked(self, question: Question, opinion: Opinion, now: int) -> None:
        """Answer a question that the champion has answered, for comparison only."""
        if question.conduit != self.conduit:
            return
        own = self._core.ask(question, now)
        held = (opinion.decision >= Decision.HOLD, own.decision >= Decision.HOLD)
        self._holds[0] += held[0]
        self._holds[1] += held[1]
        self._differed += held[0] != held[1]
        if held[1] and not held[0]:
            self._note(own.findings)

    def tick(self, champion: Iterable[Finding], now: int) -> None:
        """Score what waits; `champion`: what the champion found in the same time."""
        self._alarms[0] += sum(one.conduit == self.conduit and one.code in STATISTICAL for one in champion)
        findings, _ = self._core.tick(now)
        own = [one for one in findings if one.code in STATISTICAL]
        self._alarms[1] += len(own)
        self._note(own)

    def facts(self, now: int) -> dict[str, str | int | float]:
        """Return the counts as the shadow's status carries them."""
        head = f"{self.conduit}.challenger"
        return {
            head: self.digest,
            f"{head}_hours": round((now - self._since) / HOUR, 3),
            f"{head}_alarms": self._alarms[1],
            f"{head}_alarms_champion": self._alarms[0],
            f"{head}_holds": self._holds[1],
            f"{head}_holds_champion": self._holds[0],
            f"{head}_differed": self._differed,
        }

    def _note(self, findings: Iterable[Finding]) -> None:
        for one in findings:
            if len(self.notes) < MAX_NOTES:
                self.notes.append(one)
