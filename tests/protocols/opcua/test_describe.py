"""One line for people: escaped, bounded, complete in its counts."""

import pytest

from icsguard.protocols.opcua.builtin import DataValue, QualifiedName, Variant
from icsguard.protocols.opcua.describe import MAX_TEXT, describe, shown, target
from icsguard.protocols.opcua.headers import RequestHeader
from icsguard.protocols.opcua.messages_attribute import (
    CallMethod,
    CallRequest,
    ReadRequest,
    ReadValueId,
    WriteRequest,
    WriteValue,
)
from icsguard.protocols.opcua.messages_session import CancelRequest
from icsguard.protocols.opcua.nodes import NodeId
from icsguard.protocols.opcua.services import build_request, parse_request

PUMP = NodeId(0, "s", "Pump")


def line(body, tell=describe):
    return tell(parse_request(build_request(RequestHeader(), body)))


def write(value, attribute=13, index_range=None, node=PUMP):
    return WriteRequest((WriteValue(node, attribute, index_range, DataValue(value)),))


@pytest.mark.parametrize(
    ("body", "due"),
    [
        (write(Variant(11, 50.0)), "Write: write s=Pump = 50.0"),
        (write(Variant(12, 'a"\n')), 'Write: write s=Pump = "a"\\n"'),
        (write(Variant(15, b"x")), "Write: write s=Pump = (ByteString)"),
        (write(None), "Write: write s=Pump = nothing"),
        (write(Variant(6, (1, 2, 3, 4, 5, 6), is_array=True)), "Write: write s=Pump = 1 2 3 4 and 2 more"),
        (write(Variant(11, 1.0), 1, "0:2"), "Write: write s=Pump attribute 1[0:2] = 1.0"),
        (
            CallRequest((CallMethod(NodeId(0, "i", 5), PUMP, (Variant(6, 1), Variant(1, value=True))),)),
            "Call: call i=5 s=Pump(1, True)",
        ),
        (CancelRequest(1), "Cancel"),
    ],
)
def test_a_request_in_one_line(body, due):
    assert due == line(body)


def test_many_nodes_are_counted():
    items = tuple(ReadValueId(NodeId(0, "i", number), 13, None, QualifiedName()) for number in range(6))
    assert "Read: read i=0, read i=1, read i=2, read i=3, and 2 more" == line(ReadRequest(0.0, 0, items))
    assert "i=0, i=1, i=2, i=3, and 2 more" == line(ReadRequest(0.0, 0, items), target)
    assert ("i=0", "") == (line(ReadRequest(0.0, 0, items[:1]), target), line(CancelRequest(1), target))


def test_a_malformed_request_is_told_by_its_defect():
    assert "malformed Read: codec-short" == describe(parse_request(b"\1\0\x77\2"))
    assert "malformed service 65535: service-unknown" == describe(parse_request(b"\1\0\xff\xff"))


def test_texts_of_the_wire_are_escaped_and_bounded():
    assert "\\x1b[2Ja\\u202e" == shown("\x1b[2Ja\u202e")
    assert MAX_TEXT == len(shown("x" * 999))
    assert line(write(Variant(12, "\x1b]0;x\x07" * 99), node=NodeId(0, "s", "\r\n"))).isprintable()
