import msgspec

from icsguard.core.meaning import Table
from icsguard.core.point import NO_REGISTER, Point
from icsguard.policy.nodes.rules import Argument, IdentityGroup, NodePolicy, NodeRule, UaLimits
from icsguard.policy.rules import Policy
from icsguard.policy.terms import Rate, Window

FULL = NodePolicy(
    identities=(IdentityGroup("operators", ("hmi",), ("urn:hmi",), ("ab" * 32,), ("anna", ""), 3),),
    rules=(
        NodeRule(
            "start",
            ("operators",),
            (712,),
            nodes=("nsu=urn:plant;s=Pump.*",),
            subtrees=("nsu=urn:plant;s=Plant",),
            points=("speed",),
            methods=("nsu=urn:plant;s=Start",),
            attributes=(13,),
            arguments=(Argument(0, 0.0, 5.0, (1.0, "slow"), "Double"),),
            rate=Rate(3, 10),
            hours=(Window((0,), 0, 60),),
        ),
    ),
    points=(Point("speed", 0, Table.HOLDING, NO_REGISTER, node="nsu=urn:plant;s=Pump.Speed", node_type="Double"),),
    limits=UaLimits(items=7),
    security_policies=("http://opcfoundation.org/UA/SecurityPolicy#Basic256Sha256",),
)


def test_a_policy_with_nodes_crosses_process_borders_unchanged():
    policy = Policy(opcua=FULL)
    assert policy == msgspec.msgpack.decode(msgspec.msgpack.encode(policy), type=Policy)
    assert policy == msgspec.json.decode(msgspec.json.encode(policy), type=Policy)


def test_an_empty_policy_of_nodes_admits_no_anonymous_session_and_no_password_in_clear():
    empty = NodePolicy()
    assert (2, False, False, ()) == (empty.mode, empty.anonymous, empty.passwords_unsecured, empty.rules)


def test_a_rule_is_placed_where_it_names_anything_that_it_reaches():
    assert not NodeRule("open").is_placed
    assert all(NodeRule("placed", **{part: ("x",)}).is_placed for part in ("nodes", "subtrees", "points", "methods"))


def test_a_point_of_a_node_alone_lives_in_no_register():
    assert not FULL.points[0].in_registers


def test_rules_on_registers_and_on_nodes_are_counted_together():
    assert (1, 0) == (Policy(opcua=FULL).rule_count, Policy().rule_count)
