"""File records: each sub-request is judged by itself."""

from icsguard.core.ids import AddressRange
from icsguard.core.meaning import Access, Intent, Table
from icsguard.protocols.modbus import build
from icsguard.protocols.modbus.files import parse_file_request, read_file_response, write_file_response
from icsguard.protocols.modbus.quirks import NO_QUIRKS

PARTS = [build.FilePart(4, 1, 2), build.FilePart(3, 9, 2)]


def test_each_sub_request_of_a_read_is_an_access_with_its_file():
    request = parse_file_request(17, build.read_files(PARTS))
    due = (
        Access(Intent.READ, Table.FILE, AddressRange(1, 2), 4),
        Access(Intent.READ, Table.FILE, AddressRange(9, 10), 3),
    )
    assert due == request.accesses


def test_a_file_write_changes_no_coil_and_no_register():
    request = parse_file_request(17, build.write_files([build.FilePart(4, 7, words=(1, 2, 3))]))
    assert (Access(Intent.WRITE, Table.FILE, AddressRange(7, 9), 4),) == request.accesses
    assert () == request.changes
    assert request.pdu[1:] == request.extra


def test_the_words_of_all_sub_requests_come_in_order():
    request = parse_file_request(17, build.read_files(PARTS))
    response = read_file_response(request, bytes.fromhex("140c05060dfe0020050633cd0040"))
    assert (0x0DFE, 0x0020, 0x33CD, 0x0040) == response.values


def test_35_sub_requests_fit_and_each_counts():
    request = parse_file_request(17, build.read_files([build.FilePart(n, n, 1) for n in range(1, 36)]))
    assert list(range(1, 36)) == [access.file for access in request.accesses]


def test_an_acknowledged_file_write_repeats_its_request():
    request = parse_file_request(17, build.write_files([build.FilePart(4, 7, words=(1,))]))
    assert write_file_response(request, request.pdu, NO_QUIRKS).defect is None
    assert write_file_response(request, request.pdu[:-1] + b"\0", NO_QUIRKS).defect is not None
