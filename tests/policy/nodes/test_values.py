import math

import pytest

from icsguard.core.clock import SECOND
from icsguard.core.meaning import NodeChange
from icsguard.policy.nodes.law import NodeLaw
from icsguard.policy.nodes.memory import NodeMemory
from icsguard.policy.nodes.rules import Argument, NodeRule
from icsguard.policy.nodes.values import Moment, argument_breach, point_breaches, rule_breach
from icsguard.policy.terms import OnUnknown


def told(ua, value, kind="Double", *, present=None, now=10 * SECOND, on_unknown=OnUnknown.REFUSE, **limits):
    """Return the codes of what is wrong with a written value."""
    law = NodeLaw(ua.point("p", **limits))
    memory = NodeMemory({law.point.node: "p"}, ())
    if present is not None:
        memory.seen(law.point.node, present, now)
    values = value if isinstance(value, tuple) else (value,)
    moment = Moment(memory, now, on_unknown, [])
    return [reason.code for reason in point_breaches(law, NodeChange(0, kind, values), "", moment)]


@pytest.mark.parametrize(
    ("value", "kind", "limits", "codes"),
    [
        (80.0, "Double", {"maximum": 80, "minimum": 0}, []),
        (80.1, "Double", {"maximum": 80}, ["value-above-max"]),
        (-0.1, "Double", {"minimum": 0}, ["value-below-min"]),
        (0.1, "Float", {"maximum": 0.1}, []),
        (math.nan, "Double", {"maximum": 80}, ["not-a-number"]),
        (math.nan, "Double", {}, ["not-a-number"]),
        (math.inf, "Float", {}, ["not-a-number"]),
        (-math.inf, "Double", {"maximum": 1}, ["not-a-number"]),
        (True, "Boolean", {"maximum": 80}, ["type-mismatch"]),
        ("80", "String", {"maximum": 80}, ["type-mismatch"]),
        ((1.0, 2.0), "Double[]", {"maximum": 80}, ["type-mismatch"]),
        ((), "", {}, ["type-mismatch"]),
        (None, "ExtensionObject", {}, ["type-mismatch"]),
        (2**63, "UInt64", {"maximum": 2.0**63}, []),
        (2**63 + 1, "UInt64", {"maximum": 2.0**63}, ["value-above-max"]),
        (3, "Byte", {"allowed": (0, 1, 4)}, ["value-not-allowed"]),
        (4, "Byte", {"allowed": (0, 1, 4)}, []),
        (5.0, "Double", {"node_type": "Float"}, ["type-mismatch"]),
        ("on", "String", {"node_type": "String"}, []),
        (5.0, "Double", {"node_type": "String"}, ["type-mismatch"]),
        (True, "Boolean", {"node_type": "Boolean", "allowed": (0,)}, ["value-not-allowed"]),
    ],
)
def test_a_value_is_held_against_the_limits_of_its_point(ua, value, kind, limits, codes):
    assert codes == told(ua, value, kind, **limits)


@pytest.mark.parametrize(
    ("value", "present", "limits", "codes"),
    [
        (1.1, 1.0, {"max_step": 0.1}, []),
        (1.2, 1.0, {"max_step": 0.1}, ["step-too-large"]),
        (1.2, None, {"max_step": 0.1}, ["value-unknown"]),
        (70.0, 1.0, {"max_rate": 1.0}, ["rate-of-change"]),
        (60.0, 1.0, {"max_rate": 1.0}, []),
        (0x0F, 0x0E, {"writable_mask": 0x01}, []),
        (0x1F, 0x0E, {"writable_mask": 0x01}, ["bit-not-writable"]),
        (0x1F, None, {"writable_mask": 0x01}, ["value-unknown"]),
    ],
)
def test_what_depends_on_the_present_value_needs_it(ua, value, present, limits, codes):
    kind = "UInt16" if isinstance(value, int) else "Double"
    assert codes == told(ua, value, kind, present=present, **limits)


def test_where_the_policy_says_so_an_unknown_value_is_judged_by_its_bounds_alone(ua):
    assert [] == told(ua, 5.0, on_unknown=OnUnknown.LIMITS_ONLY, max_step=1)
    assert ["value-above-max"] == told(ua, 5.0, on_unknown=OnUnknown.LIMITS_ONLY, max_step=1, maximum=4)


def test_an_interval_runs_from_the_last_write(ua):
    law = NodeLaw(ua.point("p", min_interval_ns=SECOND))
    memory = NodeMemory({law.point.node: "p"}, ())
    memory.history("p").written_at = 10 * SECOND
    change = NodeChange(0, "Double", (1.0,))

    def codes(now, before=()):
        moment = Moment(memory, now, OnUnknown.REFUSE, list(before))
        return [reason.code for reason in point_breaches(law, change, "", moment)]

    assert (["interval"], []) == (codes(11 * SECOND - 1), codes(11 * SECOND))
    assert ["interval"] == codes(60 * SECOND, [1.0])  # twice in one request


def test_a_part_of_an_array_is_no_value_of_a_point(ua):
    law = NodeLaw(ua.point("p"))
    moment = Moment(NodeMemory({}, ()), 1, OnUnknown.REFUSE, [])
    assert ["type-mismatch"] == [r.code for r in point_breaches(law, NodeChange(0, "Double", (1.0,)), "0", moment)]


@pytest.mark.parametrize(
    ("rule", "change", "code"),
    [
        ({}, NodeChange(0, "Double", (1e9,)), None),
        ({}, NodeChange(0, "ByteString", (None,)), None),
        ({}, NodeChange(0, "ExtensionObject", (None,)), "value-opaque"),
        ({}, NodeChange(0, "Variant[]", (None,)), "value-opaque"),
        ({}, NodeChange(0, "", ()), "value-opaque"),
        ({"structures": True}, NodeChange(0, "ExtensionObject", (None,)), None),
        ({}, NodeChange(0, "Double", (1.0,), stamped=True), "value-stamped"),
        ({"stamped": True}, NodeChange(0, "Double", (1.0,), stamped=True), None),
        ({"minimum": 0, "maximum": 10}, NodeChange(0, "Double", (10.0,)), None),
        ({"minimum": 0, "maximum": 10}, NodeChange(0, "Double[]", (1.0, 11.0)), "value-outside-rule"),
        ({"minimum": 0, "maximum": 10}, NodeChange(0, "Double[]", ()), "value-outside-rule"),
        ({"minimum": 0}, NodeChange(0, "Double", (math.nan,)), "value-outside-rule"),
        ({"maximum": 10}, NodeChange(0, "Boolean", (True,)), "value-outside-rule"),
        ({"maximum": 10}, NodeChange(0, "String", ("1",)), "value-outside-rule"),
        ({"structures": True, "maximum": 10}, NodeChange(0, "ExtensionObject", (None,)), "value-outside-rule"),
    ],
)
def test_a_rule_has_limits_of_its_own(rule, change, code):
    found = rule_breach(NodeRule("r", **rule), change, "")
    assert code == (found and found[0])


def test_a_clients_text_is_escaped_where_it_is_told():
    found = rule_breach(NodeRule("r", maximum=1), NodeChange(0, "String", ("\x1b[2J\n",)), "")
    assert "\x1b" not in found[1]
    assert "\n" not in found[1]


@pytest.mark.parametrize(
    ("law", "changes", "code"),
    [
        (Argument(0, 0, 5), [NodeChange(0, "Double", (5.0,), argument=0)], None),
        (Argument(1, 0, 5), [NodeChange(0, "Double", (5.0,), argument=0)], "argument-missing"),
        (Argument(0, 0, 5), [NodeChange(0, "Double", (math.nan,), argument=0)], "argument-outside"),
        (Argument(0, allowed=("slow", 2.0)), [NodeChange(0, "String", ("slow",), argument=0)], None),
        (Argument(0, allowed=("slow", 2.0)), [NodeChange(0, "String", ("fast",), argument=0)], "argument-outside"),
        (Argument(0, allowed=("slow", 2.0)), [NodeChange(0, "Int32", (2,), argument=0)], None),
        (Argument(0, allowed=(1.0,)), [NodeChange(0, "Boolean", (True,), argument=0)], None),
        (Argument(0, allowed=(1.0,)), [NodeChange(0, "Int32[]", (), argument=0)], "argument-outside"),
        (Argument(0, type="Double"), [NodeChange(0, "Float", (1.0,), argument=0)], "type-mismatch"),
        (Argument(0, type="Double"), [NodeChange(0, "Double", (1.0,), argument=0)], None),
    ],
)
def test_arguments_are_held_against_their_law(law, changes, code):
    found = argument_breach(NodeRule("r", arguments=(law,)), changes)
    assert code == (found and found[0])
