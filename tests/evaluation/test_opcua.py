"""Attacks on OPC UA meet the running gateway; nothing forbidden arrives, and operators are denied nothing."""

import pytest

from icsguard.evaluation import goals, opcua
from icsguard.evaluation.metrics import Tally
from icsguard.evaluation.opcua import UaConduct


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_no_attack_of_a_round_reaches_the_plant():
    found = opcua.measure(None, 1, 1, lambda _: None)
    assert {1} == {tally.count for tally in found.kinds.values()}
    assert len(found.kinds) == sum(tally.hits for tally in found.kinds.values()) == 8
    assert found.benign > 0


@pytest.mark.parametrize(
    ("stopped", "denied", "reached"), [(15, 0, True), (14, 0, False), (15, 1, False), (15, 10, False)]
)
def test_the_goal_wants_all_of_them_and_nothing_denied(stopped, denied, reached):
    made = opcua.table({"every plant": UaConduct({"no-security": Tally(15, stopped)}, 900, denied)})
    (goal,) = goals.judge((), (made,), {})
    assert reached is goal.reached
    assert 18 == made.rows[0]["row"]
