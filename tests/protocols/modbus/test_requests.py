"""What each function's request touches and changes."""

import pytest

from icsguard.core.ids import AddressRange
from icsguard.core.meaning import Access, Change, Intent, Table
from icsguard.protocols.modbus import build
from icsguard.protocols.modbus.pdu import parse_request
from icsguard.protocols.modbus.requests import PARSERS, opaque

READ, WRITE, COIL, HOLDING = Intent.READ, Intent.WRITE, Table.COIL, Table.HOLDING


@pytest.mark.parametrize(
    ("pdu", "access"),
    [
        (build.read(1, 5, 3), Access(READ, COIL, AddressRange(5, 7))),
        (build.read(2, 5, 3), Access(READ, Table.DISCRETE, AddressRange(5, 7))),
        (build.read(3, 5, 3), Access(READ, HOLDING, AddressRange(5, 7))),
        (build.read(4, 5, 3), Access(READ, Table.INPUT, AddressRange(5, 7))),
        (build.read_fifo(9), Access(READ, HOLDING, AddressRange(9, 9))),
    ],
)
def test_a_read_touches_its_elements_and_changes_nothing(pdu, access):
    request = parse_request(17, pdu)
    assert ((access,), (), b"", None) == (request.accesses, request.changes, request.extra, request.defect)


@pytest.mark.parametrize(
    ("pdu", "change"),
    [
        (build.write_coil(5, on=True), Change(COIL, 5, (1,))),
        (build.write_coil(5, on=False), Change(COIL, 5, (0,))),
        (build.write_register(100, 65535), Change(HOLDING, 100, (65535,))),
        (build.write_coils(5, [1, 0, 1]), Change(COIL, 5, (1, 0, 1))),
        (build.write_registers(100, [1, 2]), Change(HOLDING, 100, (1, 2))),
        (build.mask_write(100, 0x00F2, 0x0025), Change(HOLDING, 100, (0x0025,), 0x00F2)),
    ],
)
def test_a_write_touches_and_changes_the_same_elements(pdu, change):
    request = parse_request(17, pdu)
    assert ((Access(WRITE, change.table, change.span),), (change,)) == (request.accesses, request.changes)


def test_a_read_and_write_writes_first():
    request = parse_request(17, build.read_write(0, 10, 100, [7, 8]))
    write = Access(WRITE, HOLDING, AddressRange(100, 101))
    read = Access(READ, HOLDING, AddressRange(0, 9))
    assert ((write, read), (Change(HOLDING, 100, (7, 8)),)) == (request.accesses, request.changes)


def test_diagnostics_keep_sub_function_and_data():
    request = parse_request(17, build.diagnostic(0, b"abcd"))
    assert (8, 0, b"abcd") == (request.function, request.sub, request.extra)


def test_encapsulated_transport_keeps_mei_type_and_data():
    request = parse_request(17, build.encapsulated(13, b"\1\2"))
    assert (43, 13, b"\1\2") == (request.function, request.sub, request.extra)


def test_a_private_function_is_opaque():
    request = parse_request(17, b"\x5a\x00\x10")
    assert opaque(17, b"\x5a\x00\x10") == request
    assert ((), b"\x00\x10", None) == (request.accesses, request.extra, request.defect)


def test_reserved_diagnostics_have_no_law_and_so_no_defect():
    request = parse_request(17, b"\x08\x00\x05\x01\x02\x03")
    assert (5, b"\1\2\3", None) == (request.sub, request.extra, request.defect)


def test_a_defective_diagnostic_still_says_its_sub_function():
    request = parse_request(17, b"\x08\x00\x04\xff\x00")
    assert request.sub == 4
    assert request.defect is not None


@pytest.mark.parametrize("function", sorted(PARSERS))
def test_a_function_code_alone_reads_nothing_beyond_itself(function):
    request = parse_request(17, bytes([function]))
    assert (function in {7, 11, 12, 17}) == (request.defect is None)
