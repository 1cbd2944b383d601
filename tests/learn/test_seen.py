import pytest

from icsguard.core.clock import SECOND
from icsguard.core.meaning import Table
from icsguard.core.transaction import Transaction
from icsguard.learn.seen import MAX_OCCASIONS, Element, Evidence, Habit, Seen, Values
from icsguard.protocols.modbus import build
from icsguard.protocols.modbus.pdu import parse_request


def asked(at: int, pdu: bytes, values=(), *, flow: int = 1) -> Transaction:
    answer = build.adu(1, 1, build.answer(parse_request(1, pdu), values))
    return Transaction(1, "plc1", flow, "10.0.0.21", at * SECOND, at * SECOND + 1, build.adu(1, 1, pdu), answer, 0, 0)


@pytest.fixture
def seen():
    return Seen(10 * SECOND)


def test_evidence_counts_moments_occasions_and_the_busiest_minute(seen):
    seen.take([asked(at, build.read(3, 0, 1), (7,)) for at in (55, 61, 62, 75, 130)])
    evidence = seen.habits[Habit("10.0.0.21", 1, 3, -1)]
    assert (5, 55 * SECOND, 130 * SECOND, 4) == (evidence.count, evidence.first, evidence.last, evidence.peak)
    assert 4 == len(evidence.occasions)
    assert 4 == evidence.per_minute


def test_another_connection_is_another_occasion(seen):
    seen.take([asked(1, build.write_register(5, 1), flow=flow) for flow in (1, 2, 2)])
    (evidence,) = seen.writes.values()
    assert (3, 2) == (evidence.count, len(evidence.occasions))


def test_reads_tell_elements_and_what_the_device_said(seen):
    seen.take([asked(1, build.read(3, 10, 2), (7, 65_535)), asked(2, build.read(3, 10, 2), (9, 1))])
    assert {(Table.HOLDING, 10), (Table.HOLDING, 11)} == seen.reads[Habit("10.0.0.21", 1, 3, -1)]
    first, second = (seen.values[Element(1, Table.HOLDING, address)] for address in (10, 11))
    assert (7, 9) == (first.low, first.high)
    assert (-1, 1, True) == (second.signed_low, second.signed_high, second.is_signed)


def test_a_block_write_is_evidence_for_each_of_its_elements(seen):
    seen.take([asked(1, build.write_registers(20, (5, 6)))])
    assert {20, 21} == {element.address for _, element in seen.writes}
    assert (6, 6) == (seen.written[Element(1, Table.HOLDING, 21)].low, seen.written[Element(1, Table.HOLDING, 21)].high)


def test_a_mask_write_is_a_write_whose_value_is_not_known(seen):
    seen.take([asked(1, build.mask_write(20, 0xFF, 1))])
    assert [20] == [element.address for _, element in seen.writes]
    assert {} == seen.written


def test_file_access_is_counted_apart(seen):
    seen.take([asked(1, build.read_files([build.FilePart(1, 0, 2)]), (1, 2))])
    assert {Habit("10.0.0.21", 1, 20, -1): 1} == seen.files
    assert {} == seen.reads


def test_malformed_requests_teach_nothing(seen):
    bad = build.adu(1, 1, build.read(3, 0, 1)[:-1])
    seen.take([Transaction(1, "plc1", 1, "10.0.0.21", 1, 2, bad, b"", 0, 0)])
    assert {} == seen.habits


def test_values_in_the_middle_are_not_taken_for_signed_numbers():
    values = Values()
    for value in (3, 65_530, 30_000):
        values.add(value)
    assert not values.is_signed


def test_occasions_are_bounded():
    evidence = Evidence()
    for number in range(MAX_OCCASIONS + 5):
        evidence.add(number, (number, 0))
    assert (MAX_OCCASIONS, MAX_OCCASIONS + 5) == (len(evidence.occasions), evidence.count)
