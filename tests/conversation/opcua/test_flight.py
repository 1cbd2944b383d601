"""One request: what of it is forwarded."""

import pytest

from icsguard.conversation.opcua.flight import UaFlight
from icsguard.conversation.states import IllegalMoveError, Stage
from icsguard.core.decision import Decision, Layer
from icsguard.core.verdict import Reason
from icsguard.protocols.opcua.builtin import DataValue, Variant
from icsguard.protocols.opcua.headers import RequestHeader
from icsguard.protocols.opcua.meaning import meaning
from icsguard.protocols.opcua.messages_attribute import WriteRequest, WriteValue
from icsguard.protocols.opcua.nodes import NodeId
from icsguard.protocols.opcua.services import build_request, parse_request


@pytest.fixture
def flight():
    items = tuple(WriteValue(NodeId(0, "s", name), 13, None, DataValue(Variant(11, 1.0))) for name in "abc")
    request = parse_request(build_request(RequestHeader(), WriteRequest(items)))
    return UaFlight(1, 9, request, meaning(request), None, 5)


def test_all_of_it_is_forwarded_where_nothing_is_refused(flight):
    assert flight.meaning is flight.forwarded
    assert flight.changes


def test_what_is_refused_is_not_part_of_what_is_forwarded(flight):
    flight.refused = {1: 0x801F0000}
    assert ["s=a", "s=c"] == [access.node for access in flight.forwarded.nodes]
    assert [0, 1] == [change.place for change in flight.forwarded.node_changes]


def test_it_goes_through_its_stages_in_order(flight):
    flight.move(Stage.READY)
    with pytest.raises(IllegalMoveError):
        flight.move(Stage.ASKED)


def test_the_most_that_a_reason_asks_for_is_kept(flight):
    flight.note(Reason(Layer.POLICY, "a", "a", Decision.REFUSE))
    flight.note(Reason(Layer.POLICY, "b", "b", Decision.ALERT))
    assert Decision.REFUSE is flight.would_be
    assert ["a", "b"] == [reason.code for reason in flight.reasons]
