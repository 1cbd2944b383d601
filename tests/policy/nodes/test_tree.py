import pytest

from icsguard.policy.nodes import tree as module
from icsguard.policy.nodes.tree import HIERARCHICAL, MAX_VISITED, Tree, edges
from icsguard.protocols.opcua.builtin import LocalizedText, QualifiedName
from icsguard.protocols.opcua.headers import RequestHeader, ResponseHeader
from icsguard.protocols.opcua.messages_view import (
    BrowseDescription,
    BrowseNextRequest,
    BrowseRequest,
    BrowseResponse,
    BrowseResult,
    ReferenceDescription,
    ViewDescription,
)
from icsguard.protocols.opcua.nodes import ExpandedNodeId, NodeId
from icsguard.protocols.opcua.services import BY_NAME, build_request, build_response, parse_request, parse_response

ROOT = frozenset({"root"})


@pytest.fixture
def tree():
    made = Tree(ROOT)
    made.learned("root", "pump")
    made.learned("pump", "speed")
    return made


def test_what_hangs_below_a_root_is_below_it_over_any_number_of_steps(tree):
    assert all(tree.is_below(node, ROOT) for node in ("root", "pump", "speed"))
    assert not any(tree.is_below(node, ROOT) for node in ("other", "", "roots"))


def test_what_nobody_has_shown_is_not_below_until_it_is_shown(tree):
    assert not tree.is_below("valve", ROOT)
    before = tree.version
    tree.learned("pump", "valve")
    assert tree.is_below("valve", ROOT)
    assert before < tree.version


def test_without_a_rule_that_names_a_subtree_nothing_is_kept():
    tree = Tree()
    tree.learned("a", "b")
    assert (0, 0) == (len(tree), tree.version)


def test_loops_and_long_ways_end(tree):
    tree.learned("speed", "pump")
    tree.learned("speed", "speed")
    assert tree.is_below("pump", ROOT)
    assert not tree.is_below("pump", frozenset({"elsewhere"}))
    for step in range(MAX_VISITED + 5):
        tree.learned(f"n{step}", f"n{step + 1}")
    assert not tree.is_below(f"n{MAX_VISITED + 5}", frozenset({"n0"}))
    assert tree.is_below("n99", frozenset({"n0"}))


def test_a_full_tree_learns_no_more_and_stays_shut(tree, monkeypatch):
    monkeypatch.setattr(module, "MAX_EDGES", 2)
    tree.learned("root", "late")
    assert (2, False) == (len(tree), tree.is_below("late", ROOT))


def test_a_restart_forgets_and_another_policy_keeps(tree):
    tree.adopt({"pump"})
    assert tree.is_below("speed", frozenset({"pump"}))
    tree.forget()
    assert not tree.is_below("speed", frozenset({"pump"}))


def reference(node, *, kind=35, forward=True, server=0):
    name, text = QualifiedName(0, "x"), LocalizedText(None, "x")
    return ReferenceDescription(
        NodeId(0, "i", kind), forward, ExpandedNodeId(node, None, server), name, text, 1, ExpandedNodeId(NodeId())
    )


def browsed(ua, *references, result=0):
    start = BrowseDescription(ua.node("Plant"), 0, NodeId(), subtypes=True, classes=0, mask=63)
    asked = parse_request(build_request(RequestHeader(), BrowseRequest(ViewDescription(NodeId(), 0, 0), 0, (start,))))
    answer = None if result else BrowseResponse((BrowseResult(0, None, references),), None)
    raw = build_response(BY_NAME["Browse"].number, ResponseHeader(result=result), answer)
    return list(edges(asked, parse_response(raw), ua.NAMES))


def test_a_browse_answer_shows_hierarchical_references_both_ways(ua):
    plant, pump = f"{ua.PLANT}s=Plant", f"{ua.PLANT}s=Pump"
    assert [(plant, pump), (pump, plant)] == browsed(
        ua,
        reference(ua.node("Pump"), kind=47),
        reference(ua.node("Pump"), forward=False),
        reference(ua.node("Type"), kind=40),
        reference(ua.node("Far"), server=1),
        reference(ua.node("Masked"), kind=0),
    )


def test_a_further_page_shows_what_hangs_below_the_node_that_was_browsed(ua):
    plant, pump = f"{ua.PLANT}s=Plant", f"{ua.PLANT}s=Pump"
    asked = parse_request(build_request(RequestHeader(), BrowseNextRequest(release=False, continuations=(b"a", b"b"))))
    results = tuple(BrowseResult(0, None, (reference(ua.node(name)),)) for name in ("Lost", "Pump"))
    answer = parse_response(build_response(533, ResponseHeader(), BrowseResponse(results, None)))
    assert [(plant, pump)] == list(edges(asked, answer, ua.NAMES, (None, ua.node("Plant"))))
    assert [] == list(edges(asked, answer, ua.NAMES))


def test_a_bad_answer_shows_nothing(ua):
    assert [] == browsed(ua, result=0x80010000)


def test_the_hierarchy_is_that_of_the_standard():
    ids = pytest.importorskip("asyncua").ua.ObjectIds
    names = ("Organizes", "HasEventSource", "HasProperty", "HasComponent", "HasNotifier", "HasOrderedComponent")
    assert {NodeId(0, "i", getattr(ids, name)) for name in names} == HIERARCHICAL


def test_only_where_a_rule_names_a_root_edges_are_wanted(tree, monkeypatch):
    assert (True, False) == (tree.wants_edges, Tree().wants_edges)
    monkeypatch.setattr(module, "MAX_EDGES", 2)
    assert [True, False, True] == [tree.is_below(node, ROOT) for node in ("pump", "x", "speed")]  # looked up anew
