import pytest

from icsguard.policy.nodes.places import MAX_NAME, NodeSet, is_resolved, is_standard, parse_node
from icsguard.policy.nodes.tree import Tree
from icsguard.protocols.opcua.nodes import NodeId, full_name

NAMESPACES = ("http://opcfoundation.org/UA/", "urn:server", "urn:a;b%c")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("i=2258", "i=2258"),
        ("i=007", "i=7"),
        ("s=a=b;c", "s=a=b;c"),
        ("nsu=http://opcfoundation.org/UA/;i=85", "i=85"),
        ("nsu=urn:plant;s=Pump;1", "nsu=urn:plant;s=Pump;1"),
        ("nsu=urn:a%3bb%25c;i=5", "nsu=urn:a%3Bb%25c;i=5"),
        ("nsu=u;g=0102030A-0102-0A0B-00FF-00FF00FF00FF", "nsu=u;g=0102030a-0102-0a0b-00ff-00ff00ff00ff"),
        ("nsu=u;b=00Ff", "nsu=u;b=00ff"),
    ],
)
def test_a_name_is_taken_in_the_form_that_the_wire_gives(text, name):
    assert name == parse_node(text)


@pytest.mark.parametrize(
    "node",
    [NodeId(0, "i", 85), NodeId(2, "s", "Pump*"), NodeId(2, "i", 7), NodeId(2, "b", b"\1\2"), NodeId(1, "s", "ü;=")],
)
def test_what_the_wire_names_is_a_name_of_a_policy(node):
    name = full_name(node, NAMESPACES)
    if "*" not in name:
        assert name == parse_node(name)


@pytest.mark.parametrize(
    "text",
    [
        "", "Pump", "i=", "i=x", "i=-1", "i=4294967296", "s=", "x=1", "ns=2;s=Pump", "nsu=;s=a", "nsu=urn:a", "nsu=u;a",
        "nsu=u;g=12", "nsu=u;b=1", "s=Pump*", "nsu=u;*", "s=" + "x" * MAX_NAME, "i=" + "9" * 99,
    ],
)  # fmt: skip
def test_what_names_no_node_is_told(text):
    with pytest.raises(ValueError, match=r"\S"):
        parse_node(text)


@pytest.mark.parametrize("text", ["nsu=u;s=*", "s=*", "*", "i=1*"])
def test_a_beginning_needs_letters_or_a_namespace(text):
    with pytest.raises(ValueError, match=r"\S"):
        parse_node(text, pattern=True)


def test_a_set_holds_names_beginnings_and_what_hangs_below_roots():
    tree = Tree({"nsu=u;i=1"})
    tree.learned("nsu=u;i=1", "nsu=u;i=2")
    found = NodeSet(["nsu=u;s=A", parse_node("nsu=u;s=Pump.*", pattern=True)], ["nsu=u;i=1"])
    assert all(found.covers(node, tree) for node in ("nsu=u;s=A", "nsu=u;s=Pump.x", "nsu=u;i=1", "nsu=u;i=2"))
    assert not any(found.covers(node, tree) for node in ("nsu=u;s=a", "nsu=u;s=Pump", "nsu=v;s=A", "ns=2;s=A", "i=2"))
    everything = NodeSet([parse_node("nsu=u;*", pattern=True)])
    assert everything.covers("nsu=u;i=9", tree)
    assert not everything.covers("nsu=u2;i=9", tree)
    assert (True, False) == (bool(everything), bool(NodeSet([])))


def test_an_index_is_no_name():
    assert [True, True, False, False, False] == [
        is_resolved(name) for name in ("i=1", "nsu=u;i=1", "ns=2;i=1", "svr=1;i=1", "?")
    ]
    assert [True, False] == [is_standard("i=1"), is_standard("nsu=u;i=1")]
