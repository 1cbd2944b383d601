"""Answers are judged against their request."""

import pytest

from icsguard.protocols.modbus import build
from icsguard.protocols.modbus.pdu import parse_request, parse_response
from icsguard.protocols.modbus.quirks import ECHO_DIFFERS
from icsguard.protocols.modbus.responses import JUDGES, objects_of


def test_the_objects_of_a_device_are_numbers_and_their_bytes():
    pdu = bytes.fromhex("2b0e01010000020003414243" + "0100")
    assert [(0, b"ABC"), (1, b"")] == objects_of(pdu)


def test_objects_that_do_not_fill_the_pdu_are_none():
    assert objects_of(bytes.fromhex("2b0e0101000001000541")) is None


@pytest.mark.parametrize("function", sorted(JUDGES))
def test_a_function_code_alone_answers_nothing(function):
    pdus = {
        **{f: build.read(f, 0, 1) for f in (1, 2, 3, 4)},
        5: build.write_coil(0, on=True),
        6: build.write_register(0, 0),
        8: build.diagnostic(2),
        15: build.write_coils(0, [1]),
        16: build.write_registers(0, [1]),
        22: build.mask_write(0, 0, 0),
        23: build.read_write(0, 1, 0, [1]),
        24: build.read_fifo(0),
        43: build.identification(),
    }
    request = parse_request(1, pdus.get(function) or build.bare(function))
    response = parse_response(request, bytes([function]))
    assert response.defect is not None
    assert response.defect.code == "response-length"


def test_an_equal_echo_tells_its_value_under_the_quirk_as_well():
    request = parse_request(1, build.write_register(4, 9))
    assert parse_response(request, request.pdu, frozenset({ECHO_DIFFERS})).values == (9,)
    assert parse_response(request, request.pdu).values is None
