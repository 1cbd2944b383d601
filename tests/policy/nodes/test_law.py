import pytest

from icsguard.policy.nodes.law import NodeLaw, as_sent, exceeds


@pytest.mark.parametrize(
    ("node_type", "kind", "value", "number"),
    [
        ("", "Double", 1.5, 1.5),
        ("", "UInt16", 7, 7),
        ("", "Boolean", True, None),
        ("", "String", "7", None),
        ("", "DateTime", 7, None),
        ("", "Double[]", 1.5, None),
        ("Float", "Double", 1.5, None),
        ("Float", "Float", 1.5, 1.5),
        ("Boolean", "Boolean", True, 1),
        ("Boolean", "Byte", 1, None),
    ],
)
def test_only_a_number_of_the_points_type_is_one(ua, node_type, kind, value, number):
    found = NodeLaw(ua.point("p", node_type=node_type)).number(kind, value)
    assert number == found
    assert not isinstance(found, bool)


def test_a_limit_is_what_the_type_can_say_of_it():
    assert 0.1 != as_sent(0.1, "Float")
    assert (0.1, 1e39, float("inf")) == (as_sent(0.1, "Double"), as_sent(1e39, "Float"), as_sent(float("inf"), "Float"))


def test_rounding_is_no_step():
    assert not exceeds(1.1 - 1.0, 0.1, 1.0, 1.1)
    assert exceeds(0.1001, 0.1, 1.0, 1.1)
    assert exceeds(2**64, 2**64 - 2**30, 0, 2**64)


@pytest.mark.parametrize(
    ("limits", "limited"), [({}, False), ({"maximum": 1}, True), ({"max_rate": 1}, True), ({"writable_mask": 1}, True)]
)
def test_a_point_is_limited_by_what_it_declares(ua, limits, limited):
    assert limited is NodeLaw(ua.point("p", **limits)).is_limited
