from dataclasses import replace

from icsguard.policy.rules import Grant, Policy
from icsguard.policy.units import UNDECLARED, Units


def test_only_units_of_points_rules_and_grants_are_declared(speed, operate):
    policy = Policy(
        points=(speed,), rules=(replace(operate, units=(2, 3)),), grants=(Grant("g", "hmi", 1, "x", units=(9,)),)
    )

    assert {1, 2, 3, 9} == Units(policy).declared
    assert UNDECLARED == Units(policy).canonical(4)


def test_0_and_255_are_one_on_tcp_and_two_on_a_line(operate):
    policy = Policy(rules=(replace(operate, units=(255,)),))

    assert Units(policy).canonical(0) == Units(policy).canonical(255) != UNDECLARED
    assert UNDECLARED == Units(policy, serial=True).canonical(0)


def test_a_device_that_ignores_units_has_one(operate):
    units = Units(Policy(rules=(replace(operate, units=(7,)),)), ignored=True)

    assert {7} == {units.canonical(unit) for unit in range(256)}
    assert UNDECLARED == Units(Policy(), ignored=True).canonical(7)


def test_unit_0_is_a_broadcast_on_a_line_only(operate):
    policy = Policy(rules=(replace(operate, units=(0,)),))

    assert Units(policy, serial=True).is_broadcast(0)
    assert not Units(policy).is_broadcast(0)
    assert not Units(policy, serial=True, ignored=True).is_broadcast(0)
    assert not Units(policy, serial=True).is_broadcast(1)
