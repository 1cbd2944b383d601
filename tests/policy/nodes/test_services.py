import pytest

from icsguard.policy.nodes.services import (
    ALWAYS,
    ATTRIBUTES,
    MONITORING,
    NAMED_ONLY,
    NEVER,
    OPERATOR,
    STANDARD_NODES,
    service_name,
    service_number,
)
from icsguard.protocols.opcua.services import BY_NAME, SERVICES


def test_every_service_is_of_one_kind():
    kinds = [ALWAYS, NEVER, NAMED_ONLY, OPERATOR]
    assert set(SERVICES) == set().union(*kinds)
    assert len(SERVICES) == sum(map(len, kinds))
    assert MONITORING < OPERATOR


def test_who_monitors_changes_nothing():
    changing = {"Write", "Call", "HistoryUpdate", "AddNodes", "DeleteNodes"}
    assert changing.isdisjoint(map(service_name, MONITORING))


def test_a_service_is_named_as_in_the_standard():
    assert BY_NAME["Read"].number == service_number("Read")
    assert "service 7" == service_name(7)
    for name in ("read", "QueryFirst", "ActivateSession"):
        with pytest.raises(ValueError, match=name):
            service_number(name)


def test_attributes_and_open_nodes_are_those_of_the_standard():
    ua = pytest.importorskip("asyncua").ua
    assert {one.name: one.value for one in ua.AttributeIds} == dict(ATTRIBUTES)
    names = {number: name for name, number in vars(ua.ObjectIds).items() if isinstance(number, int)}
    assert all(names[int(node[2:])].startswith("Server") for node in STANDARD_NODES)
    assert not any("Diagnostics" in names[int(node[2:])] for node in STANDARD_NODES)
