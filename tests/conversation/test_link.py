import pytest

from icsguard.conversation.flight import Flight
from icsguard.conversation.link import MAX_ENDED, OwnLink
from icsguard.conversation.states import LinkState, Stage
from icsguard.protocols.modbus.meaning import meaning
from icsguard.protocols.modbus.pdu import parse_request

TIMEOUT = 1000


def adu(tid, pdu, unit=17):
    return tid.to_bytes(2) + b"\0\0" + (1 + len(pdu)).to_bytes(2) + bytes((unit,)) + pdu


def flight(tid, pdu=b"\x03\0\0\0\1"):
    raw = adu(tid, pdu)
    request = parse_request(17, pdu)
    one = Flight(tid, raw, request, meaning(request), now=0, expires=10)
    one.move(Stage.READY)
    return one


def link(quirks=(), max_in_flight=4):
    made = OwnLink(max_in_flight=max_in_flight, timeout_ns=TIMEOUT, quirks=frozenset(quirks))
    made.move(LinkState.OPENING)
    made.move(LinkState.UP)
    return made


GOOD = b"\x03\x02\x00\x07"


def test_an_answer_finds_its_request_whatever_the_order():
    one = link()
    for tid in (1, 2, 3):
        one.hand_over(flight(tid), 0)
    answered = [arrival.flight.number for tid in (3, 1, 2) for arrival in one.arrived(adu(tid, GOOD))]
    assert [3, 1, 2] == answered
    assert one.is_empty


def test_what_is_handed_over_are_the_clients_bytes():
    sent = flight(5)
    assert sent.raw is link().hand_over(sent, 0)


def test_a_full_link_and_a_taken_identifier_accept_nothing():
    one = link(max_in_flight=2)
    one.hand_over(flight(1), 0)
    assert not one.accepts(flight(1))
    assert one.accepts(flight(2))
    one.hand_over(flight(2), 0)
    assert not one.accepts(flight(3))


def test_a_link_that_is_not_up_accepts_nothing():
    assert not OwnLink(max_in_flight=1, timeout_ns=1, quirks=frozenset()).accepts(flight(1))


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (adu(1, GOOD, unit=18), "response-mismatch"),
        (adu(1, b"\x04\x02\x00\x07"), "response-function"),
        (adu(1, b"\x03\x04\x00\x07\x00\x08"), "response-length"),
        (adu(9, GOOD), "response-unsolicited"),
        (b"\x00\x01\x00\x01\x00\x03\x11\x03\x00", "mbap-protocol-id"),
        (b"HTTP/1.1", "mbap-length"),
    ],
)
def test_what_does_not_fit_has_its_code(raw, code):
    one = link()
    one.hand_over(flight(1), 0)
    assert code == one.arrived(raw)[-1].defect.code


def test_late_and_duplicate_are_told_apart():
    one = link()
    one.hand_over(flight(1), 0)
    one.hand_over(flight(2), 0)
    one.arrived(adu(1, GOOD))
    assert [2] == [late.number for late in one.overdue(TIMEOUT)]
    codes = [arrival.defect.code for arrival in one.arrived(adu(1, GOOD) + adu(2, GOOD))]
    assert ["response-duplicate", "response-late"] == codes


def test_a_fresh_connection_remembers_nothing_of_the_old_one():
    one = link()
    one.hand_over(flight(1), 0)
    one.arrived(adu(1, GOOD) + b"\x00")
    one.move(LinkState.DOWN)
    one.move(LinkState.OPENING)
    one.move(LinkState.UP)
    assert "response-unsolicited" == one.arrived(adu(1, GOOD))[0].defect.code


def test_the_memory_of_ended_identifiers_is_bounded():
    one = link()
    for tid in range(3 * MAX_ENDED):
        one.answered(tid.to_bytes(2))
    assert MAX_ENDED == len(one._ended)


def test_the_next_deadline_is_the_oldest_ones():
    one = link()
    assert 0 == one.next_deadline()
    one.hand_over(flight(1), 50)
    one.hand_over(flight(2), 70)
    assert 50 + TIMEOUT == one.next_deadline()
    assert [] == one.overdue(50 + TIMEOUT - 1)


def test_quirk_unit_not_echoed_relaxes_the_unit_alone():
    one = link(quirks=["unit_not_echoed"])
    one.hand_over(flight(1), 0)
    assert one.arrived(adu(1, GOOD, unit=0))[0].defect is None


def test_quirk_tid_not_echoed_pairs_in_order_and_gives_the_client_its_identifier():
    one = link(quirks=["tid_not_echoed"])
    one.hand_over(flight(5), 0)
    assert not one.accepts(flight(6)), "one in flight only"
    assert adu(5, GOOD) == one.arrived(adu(1, GOOD))[0].raw
