import pytest

from icsguard.core.meaning import Intent, NodeAccess
from icsguard.policy.nodes.cells import MAX_CELLS, NodeCells, NodeLine
from icsguard.policy.nodes.rules import NodePolicy, NodeRule
from icsguard.policy.nodes.tree import Tree
from icsguard.policy.rules import Grant, Policy, Service
from icsguard.policy.terms import Action, Rate
from icsguard.policy.windows import Calendar

TREE = Tree()
READ, WRITE, CALL, ADMIN = Intent.READ, Intent.WRITE, Intent.EXECUTE, Intent.ADMINISTER


def line(**more):
    return NodeLine(NodeRule("r", **more), {"speed": "n:speed"}, Calendar(), frozenset({"n:speed"}))


@pytest.mark.parametrize(
    ("rule", "access", "reached"),
    [
        ({}, NodeAccess(READ, "any"), True),
        ({}, NodeAccess(WRITE, "any"), False),
        ({}, NodeAccess(WRITE, "n:speed"), True),
        ({}, NodeAccess(ADMIN, "n:speed", 0), False),
        ({}, NodeAccess(CALL, "m", 0, "", "o"), False),
        ({"points": ("speed",)}, NodeAccess(WRITE, "n:speed"), True),
        ({"points": ("speed",)}, NodeAccess(READ, "any"), False),
        ({"nodes": ("a",)}, NodeAccess(ADMIN, "a", 0), True),
        ({"methods": ("m",)}, NodeAccess(CALL, "m", 0, "", "o"), True),
        ({"methods": ("m",), "objects": ("p*",)}, NodeAccess(CALL, "m", 0, "", "o"), False),
        ({"methods": ("m",), "objects": ("p*",)}, NodeAccess(CALL, "m", 0, "", "pump"), True),
        ({"nodes": ("m",)}, NodeAccess(CALL, "m", 0, "", "o"), False),
        ({"methods": ("m",)}, NodeAccess(READ, "any"), True),
    ],
)
def test_what_a_rule_reaches(rule, access, reached):
    assert reached is line(**rule).reaches(access, TREE)


@pytest.mark.parametrize(
    ("rule", "access", "denied"),
    [
        ({}, NodeAccess(READ, "any"), True),
        ({"nodes": ("a",)}, NodeAccess(READ, "a"), True),
        ({"nodes": ("a",)}, NodeAccess(READ, "b"), False),
        ({"nodes": ("a",)}, NodeAccess(READ, "ns=3;i=1"), True),
        ({"nodes": ("a",)}, NodeAccess(CALL, "a", 0, "", "o"), True),
        ({"methods": ("m",)}, NodeAccess(CALL, "m", 0, "", "o"), True),
        ({"methods": ("m",)}, NodeAccess(READ, "m"), False),
        ({"methods": ("m",), "objects": ("p",)}, NodeAccess(CALL, "m", 0, "", "o"), False),
    ],
)
def test_what_a_deny_rule_speaks_of(rule, access, denied):
    assert denied is line(action=Action.DENY, **rule).denies(access, TREE)


def cells(*rules, grants=()):
    policy = Policy(grants=grants)
    return NodeCells(policy, NodePolicy(rules=rules))


def test_a_cell_holds_what_speaks_of_a_client_and_a_service():
    rules = (NodeRule("a", ("hmi",), (1,)), NodeRule("b", (), (1, 2)), NodeRule("c", ("eng",), (1,)))
    found = cells(*rules)
    assert ["a", "b"] == [one.rule.id for one in found.cell(frozenset({"hmi"}), 1).permits]
    assert ["b"] == [one.rule.id for one in found.cell(frozenset(), 2).permits]


def test_only_plain_permits_are_quick():
    assert cells(NodeRule("a", (), (1,))).cell(frozenset(), 1).quick
    deny = NodeRule("d", (), (1,), action=Action.DENY)
    assert not cells(NodeRule("a", (), (1,)), deny).cell(frozenset(), 1).quick
    counted = cells(NodeRule("a", (), (1,), rate=Rate(1, 1))).cell(frozenset(), 1)
    assert ([], True) == (counted.quick, counted.uncountable)


def test_who_is_spoken_of():
    found = cells(NodeRule("a", ("hmi",), (1,)), NodeRule("d", ("eve",), (1,), action=Action.DENY))
    assert [True, False, False] == [found.speaks_of(frozenset(names)) for names in ({"hmi"}, {"eve"}, set())]
    granted = cells(grants=(Grant("g", "10.0.0.1", 9, "why", points=("speed",)),))
    assert granted.speaks_of(frozenset({"=10.0.0.1"}))


@pytest.mark.parametrize(
    ("services", "access", "covered"),
    [
        ((), NodeAccess(WRITE, "n"), True),
        ((), NodeAccess(WRITE, "n", 3), False),
        ((), NodeAccess(WRITE, "n", 13, "0:1"), False),
        ((), NodeAccess(READ, "other"), False),
        ((Service(3),), NodeAccess(WRITE, "n"), False),
        ((Service(3),), NodeAccess(READ, "n"), True),
        ((Service(6),), NodeAccess(WRITE, "n"), True),
        ((Service(6),), NodeAccess(READ, "n"), False),
        ((), NodeAccess(CALL, "n", 0, "", "o"), False),
    ],
)
def test_a_grant_gives_on_nodes_what_its_functions_do_on_registers(ua, services, access, covered):
    grant = Grant("g", "10.0.0.1", 9, "why", services, points=("p",))
    found = NodeCells(Policy(grants=(grant,)), NodePolicy(points=(ua.point("p", "n"),)))
    given = found.cell(frozenset({"=10.0.0.1"}), 1).passes
    assert covered is given[0].covers(access)


def test_cells_are_bounded():
    found = cells(NodeRule("a", (), (1,)))
    for number in range(MAX_CELLS + 3):
        found.cell(frozenset({str(number)}), 1)
    assert len(found._cells) <= MAX_CELLS
