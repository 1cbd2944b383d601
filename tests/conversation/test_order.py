import pytest

from icsguard.conversation.flight import Flight
from icsguard.conversation.order import conflicts, must_wait, overlap
from icsguard.protocols.modbus.meaning import meaning
from icsguard.protocols.modbus.pdu import parse_request

READ_0_9 = bytes((3, 0, 0, 0, 10))
READ_20 = bytes((3, 0, 20, 0, 1))
WRITE_5 = bytes((6, 0, 5, 0, 1))
WRITE_20 = bytes((6, 0, 20, 0, 1))
COIL_5 = bytes((5, 0, 5, 0xFF, 0))
READ_COILS = bytes((1, 0, 0, 0, 10))
RESTART = bytes((8, 0, 1, 0, 0))
PRIVATE = bytes((90, 1, 2))


def flight(pdu, unit=1):
    request = parse_request(unit, pdu)
    return Flight(1, b"\0\1" + bytes(5) + pdu, request, meaning(request), now=0, expires=1)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (WRITE_5, WRITE_20),
        (WRITE_5, READ_0_9),
        (COIL_5, READ_COILS),
        (RESTART, READ_0_9),
        (PRIVATE, READ_20),
        (RESTART, WRITE_5),
    ],
)
def test_order_matters_between(one, other):
    assert conflicts(flight(one), flight(other))
    assert conflicts(flight(other), flight(one))


@pytest.mark.parametrize(("one", "other"), [(READ_0_9, READ_0_9), (WRITE_5, READ_20), (COIL_5, READ_0_9)])
def test_order_does_not_matter_between(one, other):
    assert not conflicts(flight(one), flight(other))


def test_unit_identifiers_may_name_the_same_device():
    assert overlap(flight(WRITE_5, unit=1).meaning, flight(READ_0_9, unit=2).meaning)


def test_a_request_waits_if_it_conflicts_with_any_before_it():
    assert must_wait(flight(READ_0_9), [flight(READ_20), flight(WRITE_5)])
    assert not must_wait(flight(READ_0_9), [])
