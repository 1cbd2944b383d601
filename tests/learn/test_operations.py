"""Rare operations of neighbours pass with an alert; nothing wider follows from the little that was seen."""

import pytest

from icsguard.config.load import check_file
from icsguard.core.meaning import Table
from icsguard.learn.operations import MAX_BLOCK, Sibling, runs_of
from icsguard.learn.proposal_text import points_text, policy_text
from icsguard.learn.propose import propose
from icsguard.protocols.modbus import build
from icsguard.runtime.files import shipped_rules

HMI, OTHER = "10.0.0.21", "10.0.0.22"


def polls(client=HMI, coils=4, first=0, words=2):
    pdus = (build.read(1, first, coils), [0] * coils), (build.read(3, 0, words), [0] * words)
    return [(n * 60, client, pdu, *answer) for n in range(20) for pdu, answer in pdus]


def operated(coil, client=HMI, times=1):
    return [(100 + n * 60, client, build.write_coil(coil, on=True)) for n in range(times)]


def alerts(proposal):
    return [(rule.functions, rule.ranges) for rule in proposal.rules if rule.action == "alert"]


def accepted(proposal, name="rtu3"):
    files = {"p.policy.toml": policy_text(proposal), "p.points.csv": points_text(proposal.points), **shipped_rules()}
    policy, problems = check_file(files, "p.policy.toml", "p.points.csv")
    assert policy is not None, problems
    return Sibling(name, policy)


def test_one_operation_opens_its_block_with_an_alert_and_a_rate(traffic):
    proposal = propose(traffic(*polls(), *operated(1)), "rtu3")
    assert [(("5",), ("coil 0..3",))] == alerts(proposal)
    (rule,) = [rule for rule in proposal.rules if rule.action]
    assert "3/min" == rule.rate
    assert "operated: coil 1 1 times" == rule.evidence[0]
    assert rule.evidence[1].startswith("GENERALISED: 10.0.0.21 polls coils 0..3")
    (law,) = [one for one in accepted(proposal).policy.rules if one.id == rule.id]
    assert "alert" == law.action.value


def test_what_is_a_habit_stays_without_an_alert(traffic):
    proposal = propose(traffic(*polls(), *operated(1, times=20)), "rtu3")
    assert [(("5",), ("coil 0", "coil 2..3"))] == alerts(proposal)
    assert accepted(proposal)


@pytest.mark.parametrize(
    "asked",
    [
        [*polls()],  # nobody operates anything
        [*polls(), *operated(9)],  # outside the block
        [*polls(), *operated(1, OTHER)],  # somebody else operates it
        [*polls(coils=MAX_BLOCK + 1), *operated(1)],  # too many to belong together
        [*polls(), (100, HMI, build.write_register(1, 5))],  # registers are numbers
        [*polls()[:4], *operated(1)],  # polled twice: no habit
    ],
)
def test_nothing_follows_from_less(traffic, asked):
    assert [] == alerts(propose(traffic(*asked), "rtu3"))


def test_a_device_that_is_polled_in_the_same_way_is_one_of_a_kind(traffic):
    rtu3 = accepted(propose(traffic(*polls(), *operated(1)), "rtu3"))
    proposal = propose(traffic(*polls()), "rtu1", siblings=[rtu3])
    assert [(("5",), ("coil 0..3",))] == alerts(proposal)
    (rule,) = [rule for rule in proposal.rules if rule.action]
    assert "operated: coils 0..3 of rtu3, which it polls in the same way" == rule.evidence[0]


@pytest.mark.parametrize("polled", [{"words": 3}, {"coils": 5}, {"first": 8}, {"client": OTHER}])
def test_a_device_that_is_polled_in_another_way_is_not(traffic, polled):
    rtu3 = accepted(propose(traffic(*polls(), *operated(1)), "rtu3"))
    assert [] == alerts(propose(traffic(*polls(**polled)), "rtu1", siblings=[rtu3]))


def test_a_sibling_where_nothing_may_be_operated_says_nothing(traffic):
    rtu3 = accepted(propose(traffic(*polls()), "rtu3"))
    assert [] == alerts(propose(traffic(*polls()), "rtu1", siblings=[rtu3]))


def test_neighbouring_elements_are_one_run_of_their_table():
    elements = [(Table.HOLDING, 3), (Table.COIL, 1), (Table.HOLDING, 2), (Table.HOLDING, 5), (Table.COIL, 0)]
    runs = {(table, span.first, span.last) for table, span in runs_of(elements)}
    assert {(Table.COIL, 0, 1), (Table.HOLDING, 2, 3), (Table.HOLDING, 5, 5)} == runs
