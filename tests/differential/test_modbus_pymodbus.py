"""Our codec beside pymodbus: same requests, same responses; where the two disagree, a list says where and why.

pymodbus is a client and server library: it is right to be generous while decoding and to judge later. A gateway that
decodes as it does would let through what another device reads differently.
"""

import logging

import pytest
from pymodbus.pdu import DecodePDU
from pymodbus.pdu import bit_message as bits
from pymodbus.pdu import diag_message as diagnostics
from pymodbus.pdu import file_message as files
from pymodbus.pdu import mei_message as mei
from pymodbus.pdu import other_message as others
from pymodbus.pdu import register_message as registers

from icsguard.protocols.modbus import build
from icsguard.protocols.modbus.pdu import parse_request, parse_response


@pytest.fixture(autouse=True)
def quiet():
    """Keep pymodbus from logging each PDU that it refuses."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


SERVER, CLIENT = DecodePDU(is_server=True), DecodePDU(is_server=False)


def disagreements(entries, ours, theirs, name):
    """Return (file, text, takes) of each entry on which the two differ."""
    found = []
    for vector in entries.values():
        mine, other = ours(vector), theirs(vector) is not None
        if mine != other:
            found.append((vector.defect or "sound", name(vector), other))
    return sorted(found)


def test_requests_differ_exactly_where_the_list_says(vectors, known):
    found = disagreements(
        vectors("modbus/requests"),
        lambda vector: parse_request(vector.raw[6], vector.raw[7:]).defect is None,
        lambda vector: SERVER.decode(vector.raw[7:]),
        lambda vector: vector.text,
    )
    assert sorted(entry[:3] for entry in known("pymodbus_requests.txt")) == found


def test_responses_differ_exactly_where_the_list_says(vectors, known):
    found = disagreements(
        vectors("modbus/responses"),
        lambda vector: parse_response(parse_request(17, vector.asked), vector.raw).defect is None,
        lambda vector: CLIENT.decode(vector.raw),
        lambda vector: vector.text if vector.defect else vector.raw.hex(),
    )
    assert sorted(entry[:3] for entry in known("pymodbus_responses.txt")) == found


def span(request, place=0):
    access = request.accesses[place]
    return access.span.first, access.span.count


SAME = {  # function: their fields beside ours
    **dict.fromkeys((1, 2, 3, 4), (lambda p: (p.address, p.count), span)),
    5: (lambda p: (p.address, p.bits), lambda r: (r.changes[0].start, [bool(r.changes[0].values[0])])),
    6: (lambda p: (p.address, p.registers), lambda r: (r.changes[0].start, list(r.changes[0].values))),
    8: (lambda p: p.sub_function_code, lambda r: r.sub),
    15: (lambda p: (p.address, p.bits), lambda r: (r.changes[0].start, [bool(bit) for bit in r.changes[0].values])),
    16: (lambda p: (p.address, p.registers), lambda r: (r.changes[0].start, list(r.changes[0].values))),
    20: (
        # It halves the number of words.
        lambda p: [(part.file_number, part.record_number, part.record_length) for part in p.records],
        lambda r: [(access.file, access.span.first, access.span.count // 2) for access in r.accesses],
    ),
    21: (
        lambda p: [(part.file_number, part.record_number, part.record_length) for part in p.records],
        lambda r: [(access.file, access.span.first, access.span.count) for access in r.accesses],
    ),
    22: (
        lambda p: (p.address, p.and_mask, p.or_mask),
        lambda r: (r.changes[0].start, r.changes[0].keep, r.changes[0].values[0]),
    ),
    23: (
        lambda p: (p.read_address, p.read_count, p.write_address, p.write_registers),
        lambda r: (*span(r, 1), r.changes[0].start, list(r.changes[0].values)),
    ),
    24: (lambda p: p.address, lambda r: r.accesses[0].span.first),
}


def test_what_both_take_means_the_same(vectors):
    compared = set()
    for vector in vectors("modbus/requests").values():
        request, theirs = parse_request(vector.raw[6], vector.raw[7:]), SERVER.decode(vector.raw[7:])
        if request.defect is None and theirs is not None and request.function in SAME:
            their_fields, our_fields = SAME[request.function]
            assert their_fields(theirs) == our_fields(request), vector.text
            compared.add(request.function)
    assert set(SAME) == compared


def test_what_both_read_has_the_same_values(vectors):
    compared = set()
    for vector in vectors("modbus/responses").values():
        request = parse_request(17, vector.asked)
        response, theirs = parse_response(request, vector.raw), CLIENT.decode(vector.raw)
        if response.defect is not None or theirs is None:
            continue
        if response.exception:
            assert response.exception == theirs.exception_code
        elif request.function in {1, 2}:
            assert [bool(bit) for bit in response.values] == theirs.bits[: len(response.values)]  # it keeps the padding
        elif request.function in {3, 4, 23}:
            assert list(response.values) == theirs.registers
        elif request.function == 24:
            assert list(response.values) == theirs.values
        else:
            continue
        compared.add(request.function)
    assert {1, 2, 3, 4, 23, 24, 43} <= compared


THEIR_REQUESTS = [
    bits.ReadCoilsRequest(address=19, count=19),
    bits.ReadDiscreteInputsRequest(address=0, count=2000),
    registers.ReadHoldingRegistersRequest(address=65411, count=125),
    registers.ReadInputRegistersRequest(address=8, count=1),
    bits.WriteSingleCoilRequest(address=172, bits=[True]),
    registers.WriteSingleRegisterRequest(address=1, registers=[3]),
    others.ReadExceptionStatusRequest(),
    diagnostics.ReturnQueryDataRequest(b"\xa5\x37"),
    diagnostics.ForceListenOnlyModeRequest(),
    diagnostics.ClearCountersRequest(),
    others.GetCommEventCounterRequest(),
    others.GetCommEventLogRequest(),
    bits.WriteMultipleCoilsRequest(address=19, bits=[True, False] * 5),
    registers.WriteMultipleRegistersRequest(address=1, registers=[10, 258]),
    others.ReportDeviceIdRequest(),
    files.ReadFileRecordRequest([files.FileRecord(4, 1, record_length=4), files.FileRecord(3, 9, record_length=4)]),
    registers.MaskWriteRegisterRequest(address=4, and_mask=0x00F2, or_mask=0x0025),
    registers.ReadWriteMultipleRegistersRequest(3, 6, 14, [255, 255, 255]),
    files.ReadFifoQueueRequest(address=1246),
    mei.ReadDeviceInformationRequest(read_code=1, object_id=0),
]


@pytest.mark.parametrize("theirs", THEIR_REQUESTS, ids=lambda theirs: type(theirs).__name__)
def test_what_pymodbus_encodes_breaks_no_law(theirs):
    request = parse_request(17, bytes([theirs.function_code]) + theirs.encode())
    assert (request.defect, request.remark) == (None, None)


def test_what_pymodbus_encodes_is_what_we_build():
    ours = [
        build.read(1, 19, 19),
        build.read(2, 0, 2000),
        build.read(3, 65411, 125),
        build.read(4, 8, 1),
        build.write_coil(172, on=True),
        build.write_register(1, 3),
        build.bare(7),
        build.diagnostic(0, b"\xa5\x37"),
        build.diagnostic(4),
        build.diagnostic(10),
        build.bare(11),
        build.bare(12),
        build.write_coils(19, [1, 0] * 5),
        build.write_registers(1, [10, 258]),
        build.bare(17),
        build.read_files([build.FilePart(4, 1, 2), build.FilePart(3, 9, 2)]),
        build.mask_write(4, 0x00F2, 0x0025),
        build.read_write(3, 6, 14, [255] * 3),
        build.read_fifo(1246),
        build.identification(),
    ]
    assert ours == [bytes([theirs.function_code]) + theirs.encode() for theirs in THEIR_REQUESTS]
