"""Requests in one line; `tests/vectors` holds a line for each function."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsguard.core.meaning import Table
from icsguard.protocols.modbus import build
from icsguard.protocols.modbus.describe import describe, reference, target
from icsguard.protocols.modbus.pdu import parse_request


@pytest.mark.parametrize(
    ("table", "address", "form"),
    [
        (Table.COIL, 0, "00001"),
        (Table.DISCRETE, 0, "10001"),
        (Table.INPUT, 0, "30001"),
        (Table.HOLDING, 499, "40500"),
        (Table.HOLDING, 9998, "49999"),
        (Table.HOLDING, 9999, "410000"),
        (Table.COIL, 65535, "065536"),
        (Table.FILE, 1, ""),
    ],
)
def test_the_reference_form_counts_from_one_and_grows_to_six_digits(table, address, form):
    assert form == reference(table, address)


@pytest.mark.parametrize(
    ("pdu", "words"),
    [
        (build.write_registers(100, [1, 2]), "holding 100..101 (40101)"),
        (build.write_coil(5, on=True), "coil 5 (00006)"),
        (build.read_write(0, 10, 100, [1]), "holding 100 (40101), holding 0..9 (40001)"),
        (build.read_files([build.FilePart(4, 1, 2)]), "file 4 record 1..2"),
        (build.identification(), ""),
        (build.private(90, b"\0"), ""),
    ],
)
def test_a_target_names_table_addresses_and_reference_form(pdu, words):
    assert words == target(parse_request(17, pdu))


def test_a_long_list_of_files_is_cut_and_counted():
    request = parse_request(17, build.read_files([build.FilePart(n, 0, 1) for n in range(1, 11)]))
    assert target(request).endswith("file 4 record 0, and 6 more")
    assert describe(request).endswith("read file 4 record 0, and 6 more, unit 17")


def test_a_malformed_request_is_named_with_its_defect():
    request = parse_request(17, b"\x10\0\0\0\0\0")
    assert describe(request) == "malformed write multiple registers: pdu-quantity, unit 17"


@given(st.data())
def test_every_request_fits_a_line_of_printable_ascii(noisy_pdus, data):
    line = describe(parse_request(17, data.draw(noisy_pdus)))
    assert line.isprintable()
    assert line.isascii()
    assert len(line) < 400
