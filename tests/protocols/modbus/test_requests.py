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


@pytest.mark.parametrize(
    ("pdu", "text"),
    [
        ("01", "read coils takes 5 bytes, not 1 (AP §6.1)"),
        ("05 00", "write single coil takes 5 bytes, not 2 (AP §6.5)"),
        ("06 0000 0001 00", "write single register takes 5 bytes, not 6 (AP §6.6)"),
        ("07 00", "read exception status takes 1 byte, not 2 (AP §6.7)"),
        ("08", "diagnostics takes 5 bytes, not 1 (AP §6.8)"),
        ("08 0001", "diagnostics takes 5 bytes, not 3 (AP §6.8)"),
        ("0F 0000 0001", "write multiple coils takes 7 bytes or more, not 5 (AP §6.11)"),
        ("10 0000 0001", "write multiple registers takes 8 bytes or more, not 5 (AP §6.12)"),
        ("16 0000", "mask write register takes 7 bytes, not 3 (AP §6.16)"),
        ("17 0000", "read/write multiple registers takes 12 bytes or more, not 3 (AP §6.17)"),
        ("18", "read FIFO queue takes 3 bytes, not 1 (AP §6.18)"),
        ("2B", "encapsulated interface transport takes 2 bytes or more, not 1 (AP §6.19)"),
        ("2B 0E 01", "encapsulated interface transport takes 4 bytes, not 3 (AP §6.19)"),
        ("03 0000 007E", "quantity 126, read holding registers allows 1 to 125 (AP §6.3)"),
        ("0F 0000 0009 01 FF", "byte count 1 in a PDU of 7 bytes, the quantity needs 2 (AP §6.11)"),
        ("10 0000 0003 02 0001", "byte count 2 in a PDU of 8 bytes, the quantity needs 6 (AP §6.12)"),
        ("17 0000 0001 0000 0003 02 0001", "byte count 2 in a PDU of 12 bytes, the quantity needs 6 (AP §6.17)"),
        ("03 FFFF 0002", "2 elements from 65535 reach beyond 65535 (AP §4.4)"),
        ("05 0000 1234", "coil value 0x1234 instead of 0x0000 or 0xFF00 (AP §6.5)"),
        ("08 0004 FF00", "sub-function 4 takes 0000, not FF00 (AP §6.8.1)"),
    ],
)
def test_a_defect_tells_the_numbers_that_are_wrong_and_those_that_are_due(pdu, text):
    defect = parse_request(17, bytes.fromhex(pdu)).defect
    assert defect is not None
    assert text == defect.text
