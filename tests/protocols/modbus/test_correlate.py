"""Responses find their request, or are named for what they are; nothing is kept for ever."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from icsguard.protocols.modbus import build
from icsguard.protocols.modbus.correlate import MAX_ENDED, MAX_IN_FLIGHT, Correlator, Pairing, Pending
from icsguard.protocols.modbus.mbap import frame
from icsguard.protocols.modbus.pdu import parse_request
from icsguard.protocols.modbus.quirks import TID_NOT_ECHOED

READ = build.read(3, 0, 1)
WRITE = build.write_register(0, 9)
WORD = b"\x03\x02\x00\x09"


def pending(number, *, tid=None, unit=17, pdu=READ, deadline=100):
    return Pending(number, number if tid is None else tid, unit, pdu[0], deadline, parse_request(unit, pdu))


def answer(tid, pdu=WORD, unit=17):
    return frame(build.adu(tid, unit, pdu))


@pytest.fixture
def link():
    return Correlator()


def test_a_response_finds_its_request_by_identifier_whatever_the_order(link):
    asked = [pending(n) for n in range(3)]
    assert all(link.add(one) for one in asked)
    assert [asked[2], asked[0], asked[1]] == [link.match(answer(tid)).pending for tid in (2, 0, 1)]
    assert len(link) == 0


def test_an_exception_pairs_with_its_function(link):
    link.add(pending(1))
    assert link.match(answer(1, b"\x83\x02")).pairing is Pairing.MATCHED


def test_a_repeated_identifier_pairs_first_in_first_out(link):
    first, second = pending(1, tid=7), pending(2, tid=7)
    assert [True, True] == [link.add(first), link.add(second)]
    assert [first, second] == [link.match(answer(7)).pending, link.match(answer(7)).pending]


def test_a_repeated_identifier_of_another_function_pairs_by_function(link):
    read, write = pending(1, tid=7), pending(2, tid=7, pdu=WRITE)
    link.add(read)
    link.add(write)
    assert [write, read] == [link.match(answer(7, WRITE)).pending, link.match(answer(7)).pending]


def test_nobody_asked_for_an_unsolicited_response(link):
    match = link.match(answer(1))
    assert (Pairing.UNSOLICITED, None) == match[:2]
    assert match.defect is not None
    assert match.defect.code == "response-unsolicited"


def test_a_second_answer_is_a_duplicate(link):
    link.add(pending(1))
    assert [Pairing.MATCHED, Pairing.DUPLICATE] == [link.match(answer(1)).pairing for _ in range(2)]


def test_an_answer_after_the_deadline_is_late_and_the_next_a_duplicate(link):
    link.add(pending(1, deadline=100))
    assert [] == link.expire(99)
    assert [1] == [one.number for one in link.expire(100)]
    late, again = link.match(answer(1)), link.match(answer(1))
    assert (Pairing.LATE, None) == late[:2]
    assert late.defect is not None
    assert late.defect.code == "response-late"
    assert again.pairing is Pairing.DUPLICATE


def test_the_wrong_function_ends_the_request_that_it_claims(link):
    link.add(pending(1, pdu=WRITE))
    match = link.match(answer(1))
    assert (Pairing.MISMATCH, 1) == (match.pairing, match.pending.number if match.pending else 0)
    assert match.defect is not None
    assert match.defect.code == "response-mismatch"
    assert len(link) == 0


def test_the_wrong_unit_ends_the_request_that_it_claims(link):
    link.add(pending(1))
    assert link.match(answer(1, unit=18)).pairing is Pairing.MISMATCH


def test_a_late_answer_to_an_old_read_leaves_the_new_write_of_the_same_identifier_alone(link):
    link.add(pending(1, tid=7, deadline=10))
    link.expire(10)
    link.add(pending(2, tid=7, pdu=WRITE))
    assert link.match(answer(7)).pairing is Pairing.LATE
    assert link.match(answer(7, WRITE)).pairing is Pairing.MATCHED


def test_a_link_says_when_an_answer_may_be_taken_for_another(link):
    link.add(pending(1, tid=7, deadline=10))
    assert not link.owes(7, 17, 3)
    link.expire(10)
    assert link.owes(7, 17, 3)
    assert not link.owes(7, 17, 6)
    link.match(answer(7))
    assert not link.owes(7, 17, 3)


def test_without_echoed_identifiers_any_late_answer_may_be_taken_for_another():
    link = Correlator(quirks=frozenset({TID_NOT_ECHOED}))
    link.add(pending(1, deadline=10))
    link.expire(10)
    assert link.owes(9, 17, 4)


def test_a_full_link_takes_no_more(link):
    assert [True] * MAX_IN_FLIGHT == [link.add(pending(n)) for n in range(MAX_IN_FLIGHT)]
    assert not link.add(pending(99))
    link.match(answer(0))
    assert link.add(pending(99))


@pytest.mark.parametrize(("asked", "given"), [(0, 1), (1, 1), (5, 5), (1000, MAX_IN_FLIGHT)])
def test_the_limit_of_a_link_stays_within_its_bound(asked, given):
    assert given == Correlator(asked).limit


def test_the_next_deadline_is_the_earliest(link):
    assert link.next_deadline() is None
    link.add(pending(1, deadline=50))
    link.add(pending(2, deadline=20))
    assert link.next_deadline() == 20


def test_a_lost_link_gives_all_its_requests_back_oldest_first(link):
    for number in (3, 1, 2):
        link.add(pending(number, tid=9 - number))
    assert [1, 2, 3] == [one.number for one in link.drain()]
    assert (0, None) == (len(link), link.next_deadline())
    assert link.match(answer(8)).pairing is Pairing.UNSOLICITED


def test_what_is_remembered_of_ended_requests_is_bounded(link):
    for number in range(3 * MAX_ENDED):
        link.add(pending(number))
        link.match(answer(number))
    assert link.match(answer(0)).pairing is Pairing.UNSOLICITED
    assert link.match(answer(3 * MAX_ENDED - 1)).pairing is Pairing.DUPLICATE
    assert len(link._ended) == MAX_ENDED


@given(st.binary(min_size=1, max_size=253), st.integers(0, 0xFFFF), st.integers(0, 255))
def test_any_response_has_one_name(pdu, tid, unit):
    link = Correlator()
    link.add(pending(1, tid=tid % 3))
    match = link.match(answer(tid % 3, pdu, unit))
    assert (match.pairing is Pairing.MATCHED) == (match.defect is None)
    assert (match.pending is None) == (match.pairing not in {Pairing.MATCHED, Pairing.MISMATCH})


class LinkMachine(RuleBasedStateMachine):
    """A link under any order of requests, answers and time: each request ends exactly once."""

    def __init__(self):
        super().__init__()
        self.link = Correlator()
        self.now = 0
        self.number = 0
        self.open: set[int] = set()

    keys = Bundle("keys")

    @rule(target=keys, tid=st.integers(0, 2), unit=st.integers(1, 2), write=st.booleans(), lasts=st.integers(1, 9))
    def ask(self, tid, unit, write, lasts):
        self.number += 1
        one = pending(self.number, tid=tid, unit=unit, pdu=WRITE if write else READ, deadline=self.now + lasts)
        if self.link.add(one):
            self.open.add(self.number)
        return tid, unit, WRITE if write else WORD

    @rule(key=keys)
    def reply(self, key):
        tid, unit, pdu = key
        match = self.link.match(answer(tid, pdu, unit))
        if match.pending is not None:
            self.open.remove(match.pending.number)

    @rule(passes=st.integers(0, 5))
    def wait(self, passes):
        self.now += passes
        for one in self.link.expire(self.now):
            assert one.deadline <= self.now
            self.open.remove(one.number)

    @rule()
    def lose(self):
        assert self.open == {one.number for one in self.link.drain()}
        self.open.clear()

    @invariant()
    def nothing_is_lost_or_kept(self):
        assert len(self.open) == len(self.link) <= MAX_IN_FLIGHT
        assert sum(len(queue) for queue in self.link._flying.values()) == len(self.link)
        assert all(self.link._flying.values())
        assert len(self.link._ended) <= MAX_ENDED

    def teardown(self):
        assert self.open == {one.number for one in self.link.expire(self.now + 10)}
        assert not self.link._flying


TestLinkMachine = LinkMachine.TestCase
