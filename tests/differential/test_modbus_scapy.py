"""Our codec beside scapy's Modbus layers: the same fields in the same bytes, and its packets under our law.

scapy dissects whatever it is given and never says that something is wrong, so only meaning is compared.
"""

import pytest
from scapy.contrib import modbus
from scapy.packet import Raw

from icsguard.protocols.modbus import build
from icsguard.protocols.modbus.functions import FUNCTIONS, FunctionClass, function_class
from icsguard.protocols.modbus.mbap import Framer
from icsguard.protocols.modbus.pdu import parse_request, parse_response


def span(request, place=0):
    access = request.accesses[place]
    return access.span.first, access.span.count


def layers(packet, kind):
    """Return all layers of one kind below a packet."""
    found = []
    while packet:
        found += [packet] if isinstance(packet, kind) else []
        packet = packet.payload
    return found


SAME = {  # function: their fields beside ours
    **dict.fromkeys((1, 2, 3, 4), (lambda p: (p.startAddr, p.quantity), span)),
    5: (lambda p: (p.outputAddr, p.outputValue), lambda r: (r.changes[0].start, 0xFF00 * r.changes[0].values[0])),
    6: (lambda p: (p.registerAddr, p.registerValue), lambda r: (r.changes[0].start, r.changes[0].values[0])),
    8: (
        lambda p: (p.subFunc, b"".join(word.to_bytes(2) for word in p.data)),
        lambda r: (r.sub, r.extra),
    ),
    **dict.fromkeys((7, 11, 12, 17), (lambda p: list(p.fields), lambda r: ["funcCode"])),
    15: (
        lambda p: (p.startAddr, p.quantityOutput, bytes(p.outputsValue)),
        lambda r: (*span(r), r.pdu[6:]),
    ),
    16: (lambda p: (p.startAddr, p.outputsValue), lambda r: (r.changes[0].start, list(r.changes[0].values))),
    20: (
        lambda p: [(s.fileNumber, s.recordNumber, s.recordLength) for s in layers(p, modbus.ModbusReadFileSubRequest)],
        lambda r: [(access.file, access.span.first, access.span.count) for access in r.accesses],
    ),
    21: (
        lambda p: [(s.fileNumber, s.recordNumber, s.recordLength) for s in layers(p, modbus.ModbusWriteFileSubRequest)],
        lambda r: [(access.file, access.span.first, access.span.count) for access in r.accesses],
    ),
    22: (
        lambda p: (p.refAddr, p.andMask, p.orMask),
        lambda r: (r.changes[0].start, r.changes[0].keep, r.changes[0].values[0]),
    ),
    23: (
        lambda p: (p.readStartingAddr, p.readQuantityRegisters, p.writeStartingAddr, p.writeRegistersValue),
        lambda r: (*span(r, 1), r.changes[0].start, list(r.changes[0].values)),
    ),
    24: (lambda p: p.FIFOPointerAddr, lambda r: r.accesses[0].span.first),
    43: (lambda p: (p.MEIType, bytes((p.readCode, p.objectId))), lambda r: (r.sub, r.extra)),
}


def is_foreign(packet, function):
    """Say whether scapy could not read the PDU as the function that it is."""
    unread = isinstance(packet.lastlayer(), Raw)
    return unread or (
        function in FUNCTIONS and isinstance(packet.payload, modbus.ModbusPDUUserDefinedFunctionCodeRequest)
    )


def test_sound_requests_are_foreign_to_it_exactly_where_the_list_says(vectors, known):
    sound = [vector for vector in vectors("modbus/requests").values() if not vector.defect]
    found = [v.text for v in sound if is_foreign(modbus.ModbusADURequest(v.raw), v.raw[7])]
    assert sorted(entry.text for entry in known("scapy_requests.txt")) == sorted(found)


def test_what_it_reads_means_the_same(vectors):
    compared = set()
    for vector in vectors("modbus/requests").values():
        packet, request = modbus.ModbusADURequest(vector.raw), parse_request(vector.raw[6], vector.raw[7:])
        assert (packet.transId, packet.unitId) == (int.from_bytes(vector.raw[:2]), request.unit)
        if vector.defect or is_foreign(packet, request.function) or request.function not in SAME:
            continue
        their_fields, our_fields = SAME[request.function]
        assert their_fields(packet.payload) == our_fields(request), vector.text
        compared.add(request.function)
    assert set(SAME) == compared == set(FUNCTIONS)


def test_private_functions_are_opaque_to_both(vectors):
    for vector in vectors("modbus/requests").values():
        if not vector.defect and function_class(vector.raw[7]) is not FunctionClass.PUBLIC:
            payload = modbus.ModbusADURequest(vector.raw).payload
            assert payload.mb_payload == parse_request(17, vector.raw[7:]).extra


def test_the_values_of_responses_are_the_same(vectors):
    compared = set()
    for vector in vectors("modbus/responses").values():
        if vector.defect or vector.raw[0] & 0x80:
            continue
        response = parse_response(parse_request(17, vector.asked), vector.raw)
        theirs = modbus.ModbusADUResponse(build.adu(1, 17, vector.raw)).payload
        match response.function:
            case 1 | 2:
                field = theirs.coilStatus if response.function == 1 else theirs.inputStatus
                packed = bytes(field)
                assert [packed[n >> 3] >> (n & 7) & 1 for n in range(len(response.values))] == list(response.values)
            case 3 | 4 | 23:
                assert theirs.registerVal == list(response.values)
            case 20:
                parts = layers(theirs, modbus.ModbusReadFileSubResponse)
                assert [word for part in parts for word in part.recData] == list(response.values)
            case 24:
                assert theirs.FIFOVal == list(response.values)
            case _:
                continue
        compared.add(response.function)
    assert {1, 2, 3, 4, 20, 23, 24} == compared


THEIR_REQUESTS = [
    modbus.ModbusPDU01ReadCoilsRequest(startAddr=19, quantity=19),
    modbus.ModbusPDU02ReadDiscreteInputsRequest(),
    modbus.ModbusPDU03ReadHoldingRegistersRequest(),
    modbus.ModbusPDU04ReadInputRegistersRequest(),
    modbus.ModbusPDU05WriteSingleCoilRequest(outputValue=0xFF00),
    modbus.ModbusPDU06WriteSingleRegisterRequest(registerValue=7),
    modbus.ModbusPDU07ReadExceptionStatusRequest(),
    modbus.ModbusPDU08DiagnosticsRequest(),
    modbus.ModbusPDU0BGetCommEventCounterRequest(),
    modbus.ModbusPDU0CGetCommEventLogRequest(),
    modbus.ModbusPDU0FWriteMultipleCoilsRequest(quantityOutput=8, outputsValue=[0xCD]),
    modbus.ModbusPDU10WriteMultipleRegistersRequest(quantityRegisters=2, outputsValue=[1, 2]),
    modbus.ModbusPDU11ReportSlaveIdRequest(),
    modbus.ModbusPDU16MaskWriteRegisterRequest(),
    modbus.ModbusPDU17ReadWriteMultipleRegistersRequest(writeQuantityRegisters=1, writeRegistersValue=[9]),
    modbus.ModbusPDU18ReadFIFOQueueRequest(),
    modbus.ModbusPDU2B0EReadDeviceIdentificationRequest(),
]


@pytest.mark.parametrize("pdu", THEIR_REQUESTS, ids=lambda pdu: type(pdu).__name__)
def test_what_scapy_builds_is_framed_and_breaks_no_law(pdu):
    (frame,) = Framer().feed(bytes(modbus.ModbusADURequest(transId=7, unitId=17) / pdu))
    assert (7, 17, None) == (frame.tid, frame.unit, frame.defect)
    request = parse_request(frame.unit, frame.pdu)
    assert (request.defect, request.remark) == (None, None)
