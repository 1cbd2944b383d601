from dataclasses import replace

from icsguard.core.decision import RuleState
from icsguard.core.ids import AddressRange
from icsguard.core.meaning import Access, Intent, Table
from icsguard.policy.cells import MAX_CELLS, Cells
from icsguard.policy.index import Points
from icsguard.policy.rules import Action, Grant, Rate, Service
from icsguard.policy.units import UNDECLARED, Units
from icsguard.policy.windows import FOREVER

HMI = frozenset({"hmi"})


def cells(policy):
    units = Units(policy)
    return Cells(policy, Points(policy, units), units)


def test_a_cell_holds_the_rules_that_speak_of_client_unit_and_service(policy_of, operate):
    found = cells(policy_of())

    assert ["operate"] == [line.rule.id for line in found.cell(HMI, 1, 3, -1).permits]
    assert [] == found.cell(HMI, 1, 90, -1).permits
    assert [] == found.cell(HMI, 2, 3, -1).permits
    assert [] == found.cell(frozenset({"eng"}), 1, 3, -1).permits


def test_no_rule_speaks_of_a_unit_that_nobody_declared(policy_of, operate):
    assert [] == cells(policy_of(rules=(replace(operate, units=()),))).cell(HMI, UNDECLARED, 3, -1).permits


def test_a_rule_for_everyone_holds_for_strangers_too(policy_of, operate):
    assert cells(policy_of(rules=(replace(operate, clients=()),))).cell(frozenset(), 1, 3, -1).permits


def test_rules_that_are_off_are_in_no_cell(policy_of, operate):
    assert [] == cells(policy_of(rules=(replace(operate, state=RuleState.OFF),))).cell(HMI, 1, 3, -1).permits


def test_plain_permits_alone_make_a_quick_cell(policy_of, operate):
    limited = replace(operate, id="limited", rate=Rate(1, 10**9))
    deny = replace(operate, id="no", action=Action.DENY)

    assert cells(policy_of()).cell(HMI, 1, 3, -1).quick
    assert not cells(policy_of(rules=(operate, limited))).cell(HMI, 1, 3, -1).quick
    assert not cells(policy_of(rules=(operate, deny))).cell(HMI, 1, 3, -1).quick
    assert cells(policy_of()).cell(HMI, 1, 6, -1).quick_writes
    assert (
        not cells(policy_of(rules=(operate, replace(operate, id="less", maximum=5)))).cell(HMI, 1, 6, -1).quick_writes
    )


def test_counted_rules_and_grants_make_a_cell_uncountable(policy_of, operate):
    grant = Grant("g", "hmi", 1, "x", (Service(3),), max_uses=1)

    assert not cells(policy_of()).cell(HMI, 1, 3, -1).uncountable
    assert cells(policy_of(rules=(replace(operate, rate=Rate(1, 10**9)),))).cell(HMI, 1, 3, -1).uncountable
    assert cells(policy_of(grants=(grant,))).cell(HMI, 1, 3, -1).uncountable


def test_a_grant_holds_for_its_time_its_uses_and_its_places(policy_of):
    grant = Grant("g", "hmi", 100, "x", points=("speed",), max_uses=2, since=50)
    policy = policy_of(grants=(grant,))
    given = cells(policy).cell(HMI, 1, 6, -1).passes[0]
    here, there = (Access(Intent.WRITE, Table.HOLDING, AddressRange(at, at)) for at in (12, 13))
    units = Units(policy)

    assert [False, True, False] == [given.holds(at, at, 0) for at in (49, 50, 100)]
    assert [True, False] == [given.holds(60, 60, uses) for uses in (1, 2)]
    assert [50, 100, FOREVER] == [given.next_edge(at, 0) for at in (0, 50, 100)]
    assert [True, False] == [given.covers(access, 1, Points(policy, units)) for access in (here, there)]
    assert [] == cells(policy).cell(HMI, 1, 5, -1).passes


def test_the_table_of_cells_is_bounded(policy_of):
    found = cells(policy_of())
    for sub in range(MAX_CELLS + 5):
        found.cell(HMI, 1, 8, sub)

    assert len(found._cells) <= MAX_CELLS
