"""NodeIds: one name whatever the encoding, and names by URI that no index can forge."""

import pytest

from icsguard.core.defect import Defect
from icsguard.protocols.opcua.codec import decoded, encoded
from icsguard.protocols.opcua.messages_view import AddNodesRequest
from icsguard.protocols.opcua.nodes import (
    EXPANDED_NODE_ID,
    GUID_SHAPE,
    NODE_ID,
    OPC_NAMESPACE,
    ExpandedNodeId,
    NodeId,
    expanded_name,
    full_name,
    guid_bytes,
    guid_text,
)

ARRAY = (OPC_NAMESPACE, "urn:server", "urn:pl;ant%", "")


@pytest.mark.parametrize("raw", ["0054", "01005400", "02000054000000"])
def test_every_encoding_of_a_number_is_the_same_node(raw):
    assert NodeId(0, "i", 84) == decoded(NODE_ID, bytes.fromhex(raw))


def test_a_number_is_written_in_its_shortest_form():
    forms = [
        encoded(NODE_ID, NodeId(*node)).hex() for node in [(0, "i", 84), (2, "i", 84), (0, "i", 256), (256, "i", 1)]
    ]
    assert ["0054", "01025400", "01000001", "02000101000000"] == forms


@pytest.mark.parametrize("seed", range(40))
def test_a_node_is_read_as_it_was_written(sample, seed):
    for item in sample(AddNodesRequest, seed).items or ():
        assert item.node == decoded(EXPANDED_NODE_ID, encoded(EXPANDED_NODE_ID, item.node))
        assert item.reference == decoded(NODE_ID, encoded(NODE_ID, item.reference))


def test_a_null_text_or_byte_string_counts_as_empty():
    assert NodeId(1, "s", "") == decoded(NODE_ID, b"\x03\x01\0\xff\xff\xff\xff")
    assert NodeId(1, "b", b"") == decoded(NODE_ID, b"\x05\x01\0\xff\xff\xff\xff")


@pytest.mark.parametrize("raw", ["06", "3f", "80", "43", "0300"])
def test_an_undefined_or_short_encoding_is_a_defect(raw):
    assert isinstance(decoded(NODE_ID, bytes.fromhex(raw)), Defect)


def test_the_text_of_a_guid_is_that_of_the_specification():
    # P6 §5.1.3 shows 72962B91-FA75-4AE6-8D28-B404DC7DAF63
    raw = bytes.fromhex("912b967275fae64a8d28b404dc7daf63")
    assert "72962b91-fa75-4ae6-8d28-b404dc7daf63" == guid_text(raw)
    assert raw == guid_bytes("72962B91-FA75-4AE6-8D28-B404DC7DAF63")


def test_names_are_told_by_uri_and_reserved_characters_are_escaped():
    assert "i=84" == full_name(NodeId(0, "i", 84), ARRAY)
    assert "nsu=urn:server;s=a;b" == full_name(NodeId(1, "s", "a;b"), ARRAY)
    assert "nsu=urn:pl%3Bant%25;b=00ff" == full_name(NodeId(2, "b", b"\0\xff"), ARRAY)


@pytest.mark.parametrize("index", [3, 4, 65535])
def test_a_namespace_without_uri_keeps_an_index_that_no_rule_names(index):
    assert f"ns={index};i=5" == full_name(NodeId(index, "i", 5), ARRAY)


def test_an_expanded_node_is_told_by_its_own_uri_and_server():
    assert "nsu=urn:x;i=5" == expanded_name(ExpandedNodeId(NodeId(7, "i", 5), "urn:x"), ARRAY)
    assert "i=5" == expanded_name(ExpandedNodeId(NodeId(7, "i", 5), OPC_NAMESPACE), ARRAY)
    assert "svr=2;nsu=urn:server;i=5" == expanded_name(ExpandedNodeId(NodeId(1, "i", 5), None, 2), ARRAY)


@pytest.mark.parametrize(
    ("shape", "value"),
    [
        (NODE_ID, 84),
        (NODE_ID, NodeId(0, "x", 1)),
        (NODE_ID, NodeId(0, "i", 2**32)),
        (NODE_ID, NodeId(-1, "i", 5)),
        (NODE_ID, NodeId(0, "i", "text")),
        (EXPANDED_NODE_ID, NodeId()),
        (GUID_SHAPE, 5),
        (GUID_SHAPE, "72962b91"),
    ],
)
def test_what_is_no_node_cannot_be_written(shape, value):
    with pytest.raises(ValueError, match="holds"):
        encoded(shape, value)
