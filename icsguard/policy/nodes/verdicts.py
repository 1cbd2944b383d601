"""Grounds into verdicts, and the verdicts on one request together."""

from __future__ import annotations

from typing import Final, NamedTuple

from icsguard.core.decision import Decision
from icsguard.core.verdict import Reason, Verdict
from icsguard.policy import case
from icsguard.policy.case import Ground
from icsguard.policy.nodes.codes import BUSY, reply_of

_DENIED: Final = reply_of("denied-by-rule")


class Judged(NamedTuple):
    """The verdicts on one request."""

    service: Verdict
    """On the request as a whole: from REFUSE on, one ServiceFault with its `reply`."""
    items: tuple[Verdict, ...]
    """One for each of the request's nodes, in order; the service's own where that is refused."""

    @property
    def decision(self) -> Decision:
        """The worst decision: HOLD holds the request as a whole."""
        return max([self.service.decision, *(item.decision for item in self.items)])

    @property
    def would_be(self) -> Decision:
        """What all rules in full force would do at worst."""
        return max([self.service.would_be, *(item.would_be for item in self.items)])

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """Every ground, each once, the service's first."""
        every = [*self.service.reasons, *(reason for item in self.items for reason in item.reasons)]
        return tuple(dict.fromkeys(every))

    @property
    def cacheable_until(self) -> int:
        """Until when a request with the same parameter bytes has the same verdicts; 0 for no longer than now."""
        return min([self.service.cacheable_until, *(item.cacheable_until for item in self.items)])

    @property
    def rule(self) -> str:
        """Ids of the rules that permit it, for evidence."""
        return case.listed(list(dict.fromkeys(item.rule for item in self.items or (self.service,) if item.rule)))


def summed(grounds: list[Ground], lasts: int, rule: str) -> Verdict:
    """Return the verdict that grounds add up to: the worst decides and gives the answer."""
    return case.summed(grounds, lasts, rule, busy=BUSY, refused=_DENIED)
