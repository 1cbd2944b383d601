from dataclasses import replace

import pytest

from icsguard.conversation import judging
from icsguard.conversation.flight import Flight
from icsguard.conversation.states import Stage
from icsguard.core.decision import Decision, Layer, Mode
from icsguard.core.finding import Finding
from icsguard.core.flow import Client
from icsguard.core.transaction import Opinion
from icsguard.policy.rules import Policy
from icsguard.protocols.modbus.meaning import meaning
from icsguard.protocols.modbus.pdu import parse_request

HMI = Client("10.0.0.21", 4000, "hmi")
STRANGER = Client("10.9.9.9", 4000, "")
NOW = 1_700_000_000_000_000_000
READ = b"\x03\0\0\0\1"
WRITE = b"\x06\0\x64\0\x05"
FORBIDDEN = b"\x06\0\x64\xff\xff"


def flight(pdu, unit=17):
    request = parse_request(unit, pdu)
    raw = b"\0\1\0\0" + (1 + len(pdu)).to_bytes(2) + bytes((unit,)) + pdu
    return Flight(1, raw, request, meaning(request), now=NOW, expires=NOW + 1)


def judged(guard, pdu, client=HMI):
    one = flight(pdu)
    judging.judge(guard, client, one, NOW)
    return one


@pytest.mark.parametrize("mode", [Mode.LEARN, Mode.OBSERVE])
def test_other_modes_form_the_same_opinion_and_let_it_pass(new_guard, mode):
    enforced, passed = judged(new_guard(), FORBIDDEN), judged(new_guard(mode=mode), FORBIDDEN)
    assert (Decision.REFUSE, Decision.ALLOW) == (enforced.decision, passed.decision)
    assert enforced.would_be is passed.would_be
    assert enforced.reasons == passed.reasons


@pytest.mark.parametrize(("pdu", "reply"), [(b"\x03\0\0\0\0", 3), (b"\x03\xff\xff\0\2", 2), (b"\x00", 1)])
def test_grammar_is_judged_before_policy(new_guard, pdu, reply):
    one = judged(new_guard(), pdu)
    assert (Decision.REFUSE, reply) == (one.decision, one.reply)
    assert [Layer.GRAMMAR] == [reason.layer for reason in one.reasons]


def test_a_remark_alerts_and_never_refuses(new_guard):
    padded = b"\x0f\0\0\0\1\1\xff"
    one = judged(new_guard(), padded)
    assert "pdu-padding" in [reason.code for reason in one.reasons]
    remark = next(reason for reason in one.reasons if reason.code == "pdu-padding")
    assert Decision.ALERT is remark.decision


@pytest.mark.parametrize(("pdu", "expected"), [(WRITE, True), (READ, False), (FORBIDDEN, False)])
def test_the_shadow_is_asked_about_permitted_changes_only(new_guard, pdu, expected):
    guard = new_guard()
    assert expected is judging.wants_opinion(guard, judged(guard, pdu))


def test_nobody_is_asked_while_learning(new_guard):
    guard = new_guard(mode=Mode.LEARN)
    assert not judging.wants_opinion(guard, judged(guard, WRITE))


def finding(decision):
    return Finding(
        "what-if", Layer.CONSEQUENCE, "unsafe", "LT101 reaches 4.9 m", NOW, "plc1", decision, technique="T0836"
    )


@pytest.mark.parametrize(
    ("decision", "reply"),
    [(Decision.ALLOW, 0), (Decision.ALERT, 0), (Decision.HOLD, 6), (Decision.REFUSE, 3), (Decision.ISOLATE, 3)],
)
def test_the_worst_opinion_counts(new_guard, decision, reply):
    guard = new_guard()
    one = judged(guard, WRITE)
    judging.take_opinion(guard, HMI, one, Opinion(1, decision, (finding(decision),), "m1"), NOW)
    assert (decision, reply) == (one.decision, one.reply)
    assert "T0836" == one.reasons[-1].technique
    assert "m1" == one.model_digest


def test_an_opinion_never_softens_policy(new_guard):
    guard = new_guard()
    one = judged(guard, FORBIDDEN)
    judging.take_opinion(guard, HMI, one, Opinion(1, Decision.ALLOW, (), "m1"), NOW)
    assert Decision.REFUSE is one.decision


def test_a_ticket_is_bound_to_client_unit_and_pdu_not_to_the_identifier():
    one, other = flight(WRITE), flight(WRITE)
    other.raw = b"\xff\xff" + other.raw[2:]
    assert judging.ticket_key(HMI, one) == judging.ticket_key(HMI, other)
    assert judging.ticket_key(HMI, one) != judging.ticket_key(STRANGER, one)
    assert judging.ticket_key(HMI, one) != judging.ticket_key(HMI, flight(WRITE, unit=18))


def test_a_full_ticket_table_still_answers_busy(new_guard):
    guard = new_guard()
    for number in range(70):
        pdu = b"\x06\0\x96" + number.to_bytes(2)
        one = judged(guard, pdu)
        assert (Decision.HOLD, 6) == (one.decision, one.reply)
    assert 64 == len(guard.tickets)
    assert "" == one.ticket


def test_an_allowed_read_is_cached_and_others_are_not(new_guard):
    guard = new_guard()
    assert judging.cached_read(guard, judged(guard, READ), NOW)
    assert judging.cached_read(guard, judged(guard, WRITE), NOW) is None
    assert judging.cached_read(guard, judged(guard, READ, STRANGER), NOW) is None


def test_an_observed_breach_is_not_cached_so_that_each_is_recorded(new_guard):
    guard = new_guard(mode=Mode.OBSERVE)
    assert judging.cached_read(guard, judged(guard, READ, STRANGER), NOW) is None


def test_a_write_that_waited_is_judged_by_what_holds_now(new_guard):
    guard = new_guard()
    one = judged(guard, b"\x06\0\x6e\0\1")
    assert not judging.is_outdated(guard, one)
    guard.delivered(one.meaning, NOW)
    assert judging.is_outdated(guard, one)
    assert not judging.holds_still(guard, HMI, one, NOW)
    assert Decision.REFUSE is one.decision
    assert Stage.WAITING is one.stage


def test_learning_without_rules_asks_no_policy_and_caches_reads(new_guard):
    guard = new_guard(mode=Mode.LEARN, policy=Policy())
    one = judged(guard, READ, STRANGER)
    assert (Decision.ALLOW, ()) == (one.decision, one.reasons)
    assert judging.cached_read(guard, one, NOW).until > NOW


def test_a_verdict_that_holds_no_longer_than_now_is_not_cached(new_guard):
    guard = new_guard()
    one = judged(guard, READ)
    one.verdict = replace(one.verdict, cacheable_until=NOW)
    assert judging.cached_read(guard, one, NOW) is None
