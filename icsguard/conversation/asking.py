"""What waits for the shadow: the question about a request, its opinion, and what is decided where none comes.

The same for all protocols: whoever follows the requests of a connection (`turns`, opcua/traffic) is an `Asking`, and
says how its kind of request is decided, recorded and sent on its way.
"""

from __future__ import annotations

from typing import Generic, TypeVar

from icsguard.conversation.api import Ask
from icsguard.conversation.course import Course, weightiest
from icsguard.conversation.guard import Guard
from icsguard.conversation.states import Stage
from icsguard.core.clock import MS
from icsguard.core.decision import Decision, FailurePolicy, Layer
from icsguard.core.finding import Finding
from icsguard.core.flow import Client
from icsguard.core.isolation import IsolationRequest, Scope
from icsguard.core.transaction import Opinion, Question
from icsguard.core.verdict import Reason

Asked = TypeVar("Asked", bound=Course)


class Asking(Generic[Asked]):
    """The requests of one connection on which the shadow's opinion is due."""

    __slots__ = ("_guard", "asked")

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self.asked: dict[int, Asked] = {}
        """Gone ones included, by transaction number."""

    # What depends on the protocol.

    def _question(self, flight: Asked, now: int) -> Question:
        """Return what the shadow is asked about a request."""
        raise NotImplementedError

    def _send(self, command: Ask) -> None:
        raise NotImplementedError

    def _take_opinion(self, flight: Asked, opinion: Opinion, now: int) -> None:
        """Take the opinion into the decision on a request that waits for it."""
        raise NotImplementedError

    def _fail_over(self, flight: Asked, why: str) -> None:
        """Decide without the shadow."""
        raise NotImplementedError

    def _decided(self, flight: Asked, now: int) -> None:
        """Carry out the decision on a request that need not wait any longer."""
        raise NotImplementedError

    def _record(self, flight: Asked, now: int) -> None:
        """Write the record of a request that has ended."""
        raise NotImplementedError

    # The question.

    def _ask(self, flight: Asked, now: int, *, waits: bool) -> None:
        """Ask the shadow; wait for it only where that is due and an answer can be expected."""
        guard = self._guard
        if guard.shadow_up:
            flight.judge_until = now + guard.conduit.judge_deadline_ms * MS
            flight.opinion_due = True
            self.asked[flight.number] = flight
            self._send(Ask(self._question(flight, now), flight.judge_until))
        if waits and guard.waits_for_shadow:
            flight.move(Stage.ASKED)
        elif waits:
            self._fail_over(flight, "the shadow is silent" if guard.shadow_up else "the shadow is not there")

    # The opinion.

    def opinion(self, opinion: Opinion, now: int) -> None:
        """Take the shadow's answer; one that comes after its deadline is nobody's."""
        flight = self.asked.get(opinion.number)
        if flight is None:
            return
        self._guard.misses = 0
        if flight.stage is Stage.ASKED:
            self._take_opinion(flight, opinion, now)
            self._settle(flight, now)
            self._decided(flight, now)
        else:
            note_opinion(flight, opinion)
            self._settle(flight, now)

    def without_opinion(self, why: str, now: int) -> None:
        """Nothing waits for the shadow any longer."""
        for flight in list(self.asked.values()):
            self._miss(flight, why, now)

    def _miss_overdue(self, now: int) -> None:
        """Decide without the shadow where its time is over."""
        for flight in [one for one in self.asked.values() if one.judge_until <= now]:
            self._guard.misses += 1
            self._miss(flight, "the shadow gave no opinion in time", now)

    def forget(self, now: int) -> None:
        """Write the records that wait for an opinion on what has ended: nobody is there to take it."""
        for flight in [one for one in self.asked.values() if one.stage is Stage.ENDED]:
            self._settle(flight, now)

    def _miss(self, flight: Asked, why: str, now: int) -> None:
        waited = flight.stage is Stage.ASKED
        if waited:
            self._fail_over(flight, why)
        self._settle(flight, now)
        if waited:
            self._decided(flight, now)

    def _settle(self, flight: Asked, now: int) -> None:
        """No opinion is due any more; a request that ended meanwhile gets its record now."""
        del self.asked[flight.number]
        flight.opinion_due = False
        if flight.stage is Stage.ENDED:
            self._record(flight, now)


def note_opinion(flight: Course, opinion: Opinion) -> None:
    """Keep the shadow's opinion for the record."""
    flight.findings += opinion.findings
    flight.model_digest = opinion.model_digest
    for finding in opinion.findings:
        flight.note(_reason(finding))
    flight.would_be = max(flight.would_be, opinion.decision)


def _reason(finding: Finding) -> Reason:
    return Reason(
        finding.layer,
        finding.code,
        finding.text,
        finding.decision,
        rule=finding.detector,
        technique=finding.technique,
        point=finding.point,
    )


def fail_over(guard: Guard, flight: Course, why: str, busy: int) -> bool:
    """Decide without the shadow, as the conduit declares; True where that is to refuse, with the answer `busy`."""
    flight.failover = guard.conduit.failure
    guard.counters.failovers += 1
    if flight.failover is FailurePolicy.REFUSE:
        text = f"{why}; this conduit then refuses writes"
        flight.note(Reason(Layer.FAILOVER, "shadow-silent", text, Decision.REFUSE, reply=busy))
        flight.decision = Decision.REFUSE
        flight.reply = busy
        return True
    text = f"{why}; this conduit then goes by policy alone, which permits the request"
    flight.note(Reason(Layer.FAILOVER, "shadow-silent", text, Decision.ALLOW))
    return False


def isolation_wish(guard: Guard, client: Client, flight: Course) -> IsolationRequest:
    """Return the wish to isolate that a decision ISOLATE contains."""
    reason = weightiest(flight.reasons) if flight.reasons else None
    text = reason.text if reason is not None else "a decision to isolate"
    by = (reason.rule or reason.code) if reason is not None else "policy"
    seconds = guard.conduit.isolation.seconds
    return IsolationRequest(client.address, guard.name, Scope.WRITES, text, by, seconds)
