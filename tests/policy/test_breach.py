from icsguard.core.clock import SECOND
from icsguard.core.decision import Decision, Layer
from icsguard.core.meaning import Table
from icsguard.core.point import Limits, Point
from icsguard.policy.breach import breach, too_fast, too_soon, wrong_bits

POINT = Point(
    "LT101", 1, Table.HOLDING, 30, unit="m", limits=Limits(min_interval_ns=5 * SECOND, max_rate=0.5, writable_mask=3)
)


def test_a_breach_refuses_by_policy_and_names_its_point():
    found = breach("value-above-max", "too high", POINT, 3, value=9.0, limit=4.0)
    assert (Layer.POLICY, Decision.REFUSE, "LT101") == (found.layer, found.decision, found.point)
    assert ("T0836", 3, 9.0, 4.0) == (found.technique, found.reply, found.value, found.limit)


def test_a_write_too_soon_says_when_the_last_one_was():
    found = too_soon(POINT, "LT101", SECOND // 2, 7)
    assert "LT101 was written 0.5 s ago, its shortest interval is 5 s" == found.text
    assert ("interval", "T0806", 5.0, 7) == (found.code, found.technique, found.limit, found.reply)


def test_bits_that_may_not_change_are_named_with_those_that_may():
    found = wrong_bits(POINT, "LT101", 0x10, 3, 7)
    assert "LT101: bits 0x0010 may not be changed, only 0x0003" == found.text
    assert ("bit-not-writable", 7) == (found.code, found.reply)


def test_a_value_that_moves_too_fast_says_from_where_to_where():
    found = too_fast(POINT, "LT101", "1 m to 4 m", 4.0, 7)
    assert "LT101 would move from 1 m to 4 m, more in a minute than its 0.5 m/s permit" == found.text
    assert ("rate-of-change", "T0831", 4.0, 0.5) == (found.code, found.technique, found.value, found.limit)
