import pytest

from icsguard.conversation.flight import Flight
from icsguard.conversation.states import IllegalMoveError, Stage
from icsguard.core.decision import Decision, Layer
from icsguard.core.verdict import Reason
from icsguard.protocols.modbus.meaning import meaning
from icsguard.protocols.modbus.pdu import parse_request


def flight(pdu):
    request = parse_request(1, pdu)
    raw = b"\x00\x07\x00\x00" + (1 + len(pdu)).to_bytes(2) + b"\x01" + pdu
    return Flight(1, raw, request, meaning(request), now=10, expires=20)


@pytest.mark.parametrize("pdu", [b"\x06\0\0\0\1", b"\x08\0\1\0\0", b"\x5a\0", b"\x16\0\0\0\0\0\0"])
def test_what_may_change_the_plant_is_known_as_such(pdu):
    assert flight(pdu).changes


@pytest.mark.parametrize("pdu", [b"\x03\0\0\0\1", b"\x08\0\0\0\0", b"\x2b\x0e\1\0"])
def test_what_only_looks_changes_nothing(pdu):
    assert not flight(pdu).changes


def test_reasons_add_up_to_what_enforcement_would_do():
    one = flight(b"\x06\0\0\0\1")
    one.note(Reason(Layer.POLICY, "a", "a", Decision.REFUSE))
    one.note(Reason(Layer.CONSEQUENCE, "b", "b", Decision.ALERT))
    assert Decision.REFUSE is one.would_be
    assert ("a", "b") == tuple(reason.code for reason in one.reasons)


def test_a_flight_that_was_not_handed_over_cannot_come_back():
    one = flight(b"\x03\0\0\0\1")
    one.move(Stage.READY)
    with pytest.raises(IllegalMoveError):
        one.move(Stage.ASKED)


def test_a_flight_is_paired_by_its_first_two_bytes():
    assert b"\x00\x07" == flight(b"\x03\0\0\0\1").tid
