import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsguard.core.clock import SECOND
from icsguard.core.ids import AddressRange
from icsguard.core.meaning import Table
from icsguard.core.point import DataType, Limits, Point
from icsguard.policy.law import PointLaw
from icsguard.policy.memory import MAX_BUCKETS, Layout, Memory
from icsguard.policy.rules import Rate

HOLDING = Table.HOLDING
NOW = 1_000 * SECOND


@pytest.fixture
def law():
    return PointLaw(Point("p", 1, HOLDING, 10, DataType.U32, limits=Limits(max_step=5)))


@pytest.fixture
def memory(law):
    return Memory(Layout([(1, law)], {1: 1, 255: 1}))


def span(first, last):
    return AddressRange(first, last)


def test_only_declared_elements_are_watched(memory):
    assert memory.watches(1, HOLDING, span(0, 10))
    assert not memory.watches(1, HOLDING, span(0, 9))
    assert not memory.watches(1, HOLDING, span(12, 20))
    assert not memory.watches(1, Table.INPUT, span(0, 100))
    assert not memory.watches(2, HOLDING, span(0, 100))


def test_what_a_device_says_is_remembered_under_any_name_of_its_unit(memory, law):
    memory.seen(HOLDING, 255, 8, [1, 2, 3, 4, 5], NOW)

    assert [(3, 4)] == memory.words(1, law, NOW)


def test_a_half_known_value_is_unknown(memory, law):
    memory.seen(HOLDING, 1, 10, [3], NOW)

    assert [] == memory.words(1, law, NOW)


def test_a_value_older_than_its_age_is_unknown(memory, law):
    memory.seen(HOLDING, 1, 10, [3, 4], NOW)

    assert [(3, 4)] == memory.words(1, law, NOW + 60 * SECOND)
    assert [] == memory.words(1, law, NOW + 60 * SECOND + 1)


def test_an_unknown_outcome_makes_the_run_unknown(memory, law):
    memory.seen(HOLDING, 1, 10, [3, 4], NOW)
    memory.unknown(1, HOLDING, span(11, 30))

    assert [] == memory.words(1, law, NOW)


def test_a_write_on_its_way_leaves_both_values_possible_until_it_is_seen(memory, law):
    memory.seen(HOLDING, 1, 10, [3, 4], NOW)
    memory.written((1, HOLDING, 11), 9, NOW)

    assert [(3, 4), (3, 9)] == memory.words(1, law, NOW)
    memory.seen(HOLDING, 1, 10, [3, 4], NOW + SECOND)
    assert [(3, 4), (3, 9)] == memory.words(1, law, NOW + SECOND)
    memory.seen(HOLDING, 1, 11, [9], NOW + SECOND)
    assert [(3, 9)] == memory.words(1, law, NOW + SECOND)


def test_a_late_read_settles_what_a_write_did(memory, law):
    memory.seen(HOLDING, 1, 10, [3, 4], NOW)
    memory.written((1, HOLDING, 11), 9, NOW)
    memory.seen(HOLDING, 1, 10, [3, 4], NOW + 2 * SECOND)

    assert [(3, 4)] == memory.words(1, law, NOW + 2 * SECOND)


def test_a_refusal_by_the_device_leaves_the_old_value(memory, law):
    memory.seen(HOLDING, 1, 10, [3, 4], NOW)
    memory.written((1, HOLDING, 11), 9, NOW)
    memory.rejected(1, HOLDING, span(10, 11))

    assert [(3, 4)] == memory.words(1, law, NOW)


def test_two_different_writes_on_their_way_make_the_value_unknown(memory, law):
    memory.seen(HOLDING, 1, 10, [3, 4], NOW)
    memory.written((1, HOLDING, 11), 9, NOW)
    memory.written((1, HOLDING, 11), 8, NOW)

    assert [] == memory.words(1, law, NOW)


def test_a_write_that_cannot_be_foretold_makes_the_value_unknown(memory, law):
    memory.seen(HOLDING, 1, 10, [3, 4], NOW)
    memory.written((1, HOLDING, 11), None, NOW)

    assert [] == memory.words(1, law, NOW)


def test_nothing_undeclared_is_ever_kept(memory):
    memory.seen(HOLDING, 9, 0, [7] * 125, NOW)
    memory.seen(Table.INPUT, 1, 0, [7] * 125, NOW)
    memory.written((1, HOLDING, 99), 1, NOW)
    memory.written((3, Table.COIL, 0), 1, NOW)

    assert set() == memory.known()
    memory.seen(HOLDING, 1, 0, [7] * 125, NOW)
    assert {(1, HOLDING, 10), (1, HOLDING, 11)} == memory.known()


def test_a_new_policy_forgets_what_it_does_not_speak_of(memory, law):
    memory.seen(HOLDING, 1, 10, [3, 4], NOW)
    memory.history("p").written_at = 5
    memory.history("q").written_at = 6
    memory.use("g1")
    memory.use("g2")
    other = PointLaw(Point("p", 1, HOLDING, 10, limits=Limits(max_step=5)))
    memory.adopt(Layout([(1, other)], {1: 1}), ["p"], ["g2"])

    assert {(1, HOLDING, 10)} == memory.known()
    assert (5, 0) == (memory.history("p").written_at, memory.history("q").written_at)
    assert (0, 1) == (memory.uses("g1"), memory.uses("g2"))


def test_a_bucket_holds_its_burst_and_fills_again(memory):
    rate = Rate(2, SECOND)

    assert [True, True, False] == [memory.take("r", "c", rate, NOW) for _ in range(3)]
    assert memory.take("r", "d", rate, NOW)
    assert not memory.take("r", "c", rate, NOW + SECOND // 2 - 1)
    assert memory.take("r", "c", rate, NOW + SECOND // 2)
    assert [True, True, False] == [memory.take("r", "c", rate, NOW + 10 * SECOND) for _ in range(3)]


def test_the_table_of_buckets_is_bounded_idle_ones_go_first(memory):
    rate = Rate(1, SECOND)
    for number in range(MAX_BUCKETS):
        memory.take("r", str(number), rate, NOW)

    assert not memory.take("r", "one more", rate, NOW)
    assert memory.take("r", "one more", rate, NOW + SECOND)
    assert 1 == len(memory._buckets)


@given(
    st.frozensets(st.integers(0, 12), max_size=8),
    st.lists(st.tuples(st.integers(0, 12), st.lists(st.integers(0, 9), min_size=1, max_size=6)), max_size=6),
)
def test_columns_hold_what_a_plain_table_would(addresses, rows):
    laws = {address: PointLaw(Point(f"p{address}", 1, HOLDING, address)) for address in addresses}
    memory = Memory(Layout((1, law) for law in laws.values()))
    plain = {}
    for now, (first, row) in enumerate(rows, NOW):
        memory.seen(HOLDING, 1, first, row, now)
        plain.update({first + at: value for at, value in enumerate(row)})

    for address, law in laws.items():
        assert ([(plain[address],)] if address in plain else []) == memory.words(1, law, NOW)


def test_a_write_on_its_way_survives_a_new_policy(memory, law):
    memory.seen(HOLDING, 1, 10, [3, 4], NOW)
    memory.written((1, HOLDING, 11), 9, NOW)
    memory.adopt(Layout([(1, law), (1, PointLaw(Point("q", 1, HOLDING, 9)))], {}), ["p"], [])

    assert [(3, 4), (3, 9)] == memory.words(1, law, NOW)


def test_a_memory_without_a_layout_watches_nothing(law):
    memory = Memory()
    memory.seen(HOLDING, 1, 10, [1, 2], NOW)
    memory.unknown(1, HOLDING, span(0, 20))
    memory.rejected(1, HOLDING, span(0, 20))

    assert not memory.watches(1, HOLDING, span(0, 20))
    assert [] == memory.words(1, law, NOW)
