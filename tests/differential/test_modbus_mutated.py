"""Mutated PDUs that our codec takes, read by pymodbus and scapy: the same meaning, or one of the listed cases.

Vectors are chosen by hand; these come from the fuzz campaign, thousands of them, and so find what nobody thought of.
Each case below says when a peer cannot follow and why; a case that no input needs any more fails.
"""

import logging
from collections import Counter

import pytest
from pymodbus.pdu import DecodePDU
from scapy.contrib import modbus
from scapy.packet import Raw

from icsguard.protocols.modbus import build
from icsguard.protocols.modbus.functions import FUNCTIONS
from icsguard.protocols.modbus.pdu import parse_request, parse_response

SAMPLE = {"test_modbus_pymodbus": 43, "test_modbus_scapy": 13}  # batches, one in five without quirks; scapy is slow
SERVER, CLIENT = DecodePDU(is_server=True), DecodePDU(is_server=False)


@pytest.fixture(autouse=True)
def quiet():
    """Keep pymodbus from logging each PDU that it refuses."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def taken(inputs):
    """Return the requests that our codec takes, one of each PDU."""
    requests = [parse_request(one.unit, one.pdu) for one in {one.pdu: one for one in inputs}.values()]
    return [request for request in requests if request.defect is None]


def words(request):
    return [access.span.count for access in request.accesses]


PYMODBUS = {
    "functions that it does not know are errors to it": lambda r: r.function not in FUNCTIONS,
    "sub-functions that it does not know are errors to it": lambda r: r.function == 8 and r.sub not in range(21),
    "only MEI type 14 is known to it": lambda r: r.function == 43 and r.sub != 14,
    "it counts file records in bytes and cannot halve an odd number": lambda r: (
        r.function == 20 and any(count % 2 for count in words(r))
    ),
}
SCAPY = {
    "its lists end after 100 items": lambda r: (
        len(r.pdu) > 100 and (r.function in {8, 15, 16, 23} or (r.function == 21 and max(words(r)) > 100))
    ),
    "data of diagnostics is words to it; reserved sub-functions may have an odd byte": lambda r: (
        r.function == 8 and len(r.pdu) % 2 == 0
    ),
    "only MEI type 14 is known to it": lambda r: r.function == 43 and r.sub != 14,
}


def disagreements(requests, read, same, cases):
    """Return the requests that a peer reads otherwise, beside how often each case was needed."""
    needed, wrong = Counter(), []
    for request in requests:
        theirs = read(request)
        case = next((name for name, applies in cases.items() if applies(request)), "")
        needed[case] += 1
        if case or request.function not in same:
            continue
        their_fields, our_fields = same[request.function]
        if theirs is None or their_fields(theirs) != our_fields(request):
            wrong.append(request.pdu.hex())
    return needed, wrong


def by_pymodbus(request):
    return SERVER.decode(request.pdu)


def by_scapy(request):
    packet = modbus.ModbusADURequest(build.adu(1, request.unit, request.pdu))
    foreign = isinstance(packet.payload, modbus.ModbusPDUUserDefinedFunctionCodeRequest)
    return None if isinstance(packet.lastlayer(), Raw) or foreign else packet.payload


PEERS = [("test_modbus_pymodbus", by_pymodbus, PYMODBUS), ("test_modbus_scapy", by_scapy, SCAPY)]


@pytest.mark.parametrize(("name", "read", "cases"), PEERS, ids=["pymodbus", "scapy"])
def test_what_we_take_a_peer_reads_the_same_way(mutated, peer_fields, name, read, cases):
    requests = taken(mutated("request_target", "Requests", SAMPLE[name]))
    needed, wrong = disagreements(requests, read, peer_fields(name), cases)
    assert [] == wrong
    assert set(cases) <= set(needed)
    assert needed[""] > 1000


def test_values_that_we_read_pymodbus_reads_too(mutated):
    compared = Counter()
    for one in mutated("answer_target", "Answers", 3):
        response = parse_response(one.request, one.pdu)
        if response.defect is not None or one.request.function not in {1, 2, 3, 4, 23, 24}:
            continue
        theirs = CLIENT.decode(one.pdu)
        if response.exception:
            assert response.exception == theirs.exception_code
        elif one.request.function in {1, 2}:
            assert [bool(bit) for bit in response.values] == theirs.bits[: len(response.values)]
        else:
            assert list(response.values) == (theirs.values if one.request.function == 24 else theirs.registers)
        compared[one.request.function] += 1
    assert {1, 2, 3, 4, 23, 24} == set(compared)
