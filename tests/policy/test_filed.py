from dataclasses import replace

from icsguard.core.flow import Client
from icsguard.policy.decide import Judge
from icsguard.policy.filed import Filed, whole
from icsguard.policy.units import UNDECLARED
from icsguard.protocols.modbus import build


def test_a_policy_filed_step_by_step_judges_as_one_filed_at_once(policy_of, operate, bench):
    rules = tuple(replace(operate, id=f"r{number}") for number in range(3))
    plant = bench(policy_of(rules=rules))
    filed = Filed(plant.policy)
    assert len(plant.policy.points) + len(rules) == sum(1 for _ in filed.steps())
    stepped = Judge(plant.policy, filed=filed)
    for pdu in (build.read(3, 0, 2), build.write_register(0, 5), build.read(4, 60_000, 1)):
        meaning, client = plant.meaning(pdu), Client("10.0.0.21")
        at_once = plant.judge.decide(client, meaning, plant.memory, plant.now)
        assert at_once == stepped.decide(client, meaning, stepped.memory(), plant.now)


def test_each_step_files_one_thing(policy_of, operate):
    policy = policy_of(rules=(operate, replace(operate, id="second")))
    filed, seen = Filed(policy), []
    for _ in filed.steps():
        cell = filed.cells._make(frozenset({"hmi"}), 1, operate.services[0])
        seen.append(len(cell.permits))
    assert [*[0] * len(policy.points), 1, 2] == seen


def test_units_follow_the_options(policy_of, operate):
    policy = policy_of(rules=(replace(operate, units=(7,)),))
    assert UNDECLARED == whole(policy).units.canonical(3)
    assert 1 == whole(policy, quirks=frozenset({"unit_ignored"})).units.canonical(3)
    assert whole(policy, serial=True).units.serial
