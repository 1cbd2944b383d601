import itertools

from hypothesis import given
from hypothesis import strategies as st

from icsguard.core.ids import AddressRange
from icsguard.core.meaning import Access, Intent, Table
from icsguard.policy.rules import Target
from icsguard.policy.spans import Spans

ranges = st.tuples(st.integers(0, 40), st.integers(0, 8)).map(lambda at: AddressRange(at[0], at[0] + at[1]))
sets = st.lists(ranges, max_size=8)


def spans_of(found):
    return Spans(Target(Table.HOLDING, span) for span in found)


def elements(found):
    return {address for span in found for address in range(span.first, span.last + 1)}


def access(span, table=Table.HOLDING, file=0):
    return Access(Intent.READ, table, span, file)


@given(sets, ranges)
def test_covers_means_every_element_is_inside(found, span):
    assert (elements([span]) <= elements(found)) is spans_of(found).covers(access(span))


@given(sets, ranges)
def test_meets_means_some_element_is_inside(found, span):
    assert bool(elements([span]) & elements(found)) is spans_of(found).meets(access(span))


@given(sets, ranges)
def test_the_first_element_inside_is_the_lowest(found, span):
    inside = elements([span]) & elements(found)

    assert (min(inside) if inside else None) == spans_of(found).first_inside(Table.HOLDING, span)


@given(sets, st.integers(0, 50))
def test_the_cover_ends_before_the_first_gap(found, start):
    end, inside = start, elements(found)
    while end in inside:
        end += 1

    assert (end - 1 if start in inside else None) == spans_of(found).end_of_cover(Table.HOLDING, start)


@given(sets)
def test_merged_targets_hold_the_same_elements_once(found):
    merged = [target.span for target in spans_of(found).targets()]

    assert elements(found) == elements(merged)
    assert all(one.last + 1 < other.first for one, other in itertools.pairwise(merged))


def test_tables_and_files_are_apart():
    found = Spans([Target(Table.FILE, AddressRange(0, 9), 4), Target(Table.COIL, AddressRange(5, 5))])

    assert found.covers(access(AddressRange(3, 4), Table.FILE, 4))
    assert not found.covers(access(AddressRange(3, 4), Table.FILE, 5))
    assert not found.covers(access(AddressRange(5, 5), Table.DISCRETE))
    assert None is found.end_of_cover(Table.HOLDING, 5)
    assert [(Table.COIL, 0), (Table.FILE, 4)] == [(target.table, target.file) for target in found.targets()]


def test_no_targets_are_an_empty_set():
    assert not Spans()
    assert spans_of([AddressRange(1, 1)])
