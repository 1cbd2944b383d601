"""What waits for the shadow, of any protocol: here requests that say nothing but whether the plant may change."""

import pytest

from icsguard.conversation.asking import Asking, fail_over, isolation_wish, note_opinion
from icsguard.conversation.course import Course
from icsguard.conversation.guard import MAX_MISSES
from icsguard.conversation.states import Stage
from icsguard.core.clock import MS
from icsguard.core.decision import Decision, FailurePolicy, Layer
from icsguard.core.finding import Finding
from icsguard.core.flow import Client
from icsguard.core.transaction import Opinion, Question
from icsguard.core.verdict import Reason

HMI = Client("10.0.0.21", 4000, "hmi")
NOW = 1_700_000_000_000_000_000
BUSY = 6


class Requests(Asking[Course]):
    """Writes down what it is told to do."""

    def __init__(self, guard):
        super().__init__(guard)
        self.sent, self.told = [], []

    def ask(self, number=1, *, waits=True):
        one = Course(number, NOW, changes=True, malformed=False)
        self._ask(one, NOW, waits=waits)
        return one

    def time_out(self, now):
        self._miss_overdue(now)

    def _question(self, flight, now):
        return Question(flight.number, "plc1", 1, HMI.address, now, b"raw")

    def _send(self, command):
        self.sent.append(command)

    def _take_opinion(self, flight, opinion, now):
        note_opinion(flight, opinion)
        self.told.append(("taken", flight.number))

    def _fail_over(self, flight, why):
        self.told.append((why, flight.number))

    def _decided(self, flight, now):
        self.told.append(("decided", flight.number))

    def _record(self, flight, now):
        self.told.append(("recorded", flight.number))


@pytest.fixture
def requests(new_guard):
    found = Requests(new_guard())
    found._guard.shadow_up = True
    return found


def opinion(number, decision=Decision.ALLOW, *findings):
    return Opinion(number, decision, findings, "m1")


def test_who_waits_is_asked_about_and_goes_on_when_the_opinion_is_there(requests):
    one = requests.ask()
    assert (Stage.ASKED, 1) == (one.stage, len(requests.sent))
    requests.opinion(opinion(1), NOW)
    assert [("taken", 1), ("decided", 1)] == requests.told
    assert ({}, False) == (requests.asked, one.opinion_due)


def test_who_need_not_wait_is_asked_about_and_goes_at_once(requests):
    one = requests.ask(waits=False)
    assert (Stage.WAITING, True, 1) == (one.stage, one.opinion_due, len(requests.sent))
    requests.opinion(opinion(1), NOW)
    assert ([], "m1") == (requests.told, one.model_digest), "the opinion is for the record alone"


def test_what_ended_before_its_opinion_is_recorded_with_it(requests):
    one = requests.ask(waits=False)
    one.move(Stage.ENDED)
    requests.opinion(opinion(1), NOW)
    assert [("recorded", 1)] == requests.told


def test_nobody_waits_for_a_shadow_that_is_not_there(requests):
    requests._guard.shadow_up = False
    one = requests.ask()
    assert ([("the shadow is not there", 1)], []) == (requests.told, requests.sent)
    assert (Stage.WAITING, {}) == (one.stage, requests.asked)


def test_nobody_waits_for_a_silent_shadow_but_it_is_still_asked(requests):
    requests._guard.misses = MAX_MISSES
    requests.ask()
    assert ([("the shadow is silent", 1)], 1) == (requests.told, len(requests.sent))
    requests.opinion(opinion(1), NOW)
    assert 0 == requests._guard.misses, "one answer restores it"


def test_an_opinion_on_something_else_is_nobodys(requests):
    requests.ask()
    requests._guard.misses = 2
    requests.opinion(opinion(9), NOW)
    assert (2, [1], []) == (requests._guard.misses, list(requests.asked), requests.told)


def test_a_missed_deadline_is_counted_and_decided_without_the_shadow(requests):
    late, fresh = requests.ask(1), requests.ask(2)
    fresh.judge_until += MS
    requests.time_out(late.judge_until)
    assert [("the shadow gave no opinion in time", 1), ("decided", 1)] == requests.told
    assert (1, [2]) == (requests._guard.misses, list(requests.asked))


def test_a_shadow_that_went_away_leaves_nobody_waiting(requests):
    requests.ask(1)
    requests.ask(2, waits=False)
    requests.without_opinion("the shadow went away", NOW)
    assert [("the shadow went away", 1), ("decided", 1)] == requests.told
    assert {} == requests.asked


def test_with_the_client_gone_what_has_ended_gets_its_record(requests):
    one, _ = requests.ask(1), requests.ask(2)
    one.move(Stage.ENDED)
    requests.forget(NOW)
    assert ([("recorded", 1)], [2]) == (requests.told, list(requests.asked))


def test_what_the_shadow_found_becomes_a_reason():
    one = Course(1, NOW, changes=True, malformed=False)
    found = Finding(
        "what-if", Layer.CONSEQUENCE, "unsafe", "LT101 overflows", NOW, "plc1", Decision.HOLD, technique="T0836"
    )
    note_opinion(one, opinion(1, Decision.HOLD, found))
    assert ((found,), "m1", Decision.HOLD) == (one.findings, one.model_digest, one.would_be)
    assert [("unsafe", "what-if", "T0836")] == [(why.code, why.rule, why.technique) for why in one.reasons]


@pytest.mark.parametrize(
    ("failure", "decision", "reply"),
    [(FailurePolicy.POLICY_ALONE, Decision.ALLOW, 0), (FailurePolicy.REFUSE, Decision.REFUSE, BUSY)],
)
def test_the_declared_failure_policy_speaks_for_a_silent_shadow(new_guard, failure, decision, reply):
    guard = new_guard(failure=failure)
    one = Course(1, NOW, changes=True, malformed=False)
    assert bool(reply) is fail_over(guard, one, "the shadow is not there", BUSY)
    assert (failure, decision, reply) == (one.failover, one.decision, one.reply)
    assert ("shadow-silent", 1) == (one.reasons[-1].code, guard.counters.failovers)


def test_a_decision_to_isolate_is_a_wish(new_guard):
    one = Course(1, NOW, changes=True, malformed=False)
    wish = isolation_wish(new_guard(), HMI, one)
    assert ("10.0.0.21", "a decision to isolate", "policy") == (wish.client, wish.reason, wish.detector)
    one.note(Reason(Layer.POLICY, "replay", "it was seen before", Decision.ISOLATE))
    wish = isolation_wish(new_guard(), HMI, one)
    assert ("it was seen before", "replay") == (wish.reason, wish.detector)
