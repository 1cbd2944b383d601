"""The codec is total: every byte string has one result, nothing raises, nothing is read past the end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsguard.protocols.modbus import build
from icsguard.protocols.modbus.defects import DEFECTS
from icsguard.protocols.modbus.functions import FUNCTIONS
from icsguard.protocols.modbus.pdu import parse_request, parse_response
from icsguard.protocols.modbus.quirks import QUIRKS

NAMES = st.frozensets(st.sampled_from(sorted(QUIRKS)))


@given(st.data())
def test_any_request_has_one_result(noisy_pdus, data):
    pdu = data.draw(noisy_pdus)
    request = parse_request(data.draw(st.integers(0, 255)), pdu, data.draw(NAMES))
    assert (pdu, pdu[0]) == (request.pdu, request.function)
    assert request.sub == -1 or request.function in {8, 43}
    if request.defect is not None:
        assert request.defect.reply == DEFECTS[request.defect.code].reply != 0
        assert ((), ()) == (request.accesses, request.changes)
    for access in request.accesses:
        assert 0 <= access.span.first <= access.span.last <= 65535
    for change in request.changes:
        assert len(change.values) == change.span.count
        assert max(change.values) <= (1 if change.table.is_bits else 65535)


@given(st.data())
def test_any_response_to_any_request_has_one_result(noisy_pdus, data):
    names = data.draw(NAMES)
    request = parse_request(17, data.draw(noisy_pdus), names)
    tail = data.draw(st.binary(max_size=252))
    function = request.function if data.draw(st.booleans()) else data.draw(st.integers(0, 255))
    response = parse_response(request, bytes([function | 0x80 * data.draw(st.booleans())]) + tail, names)
    assert response.function == request.function
    if response.values is not None and request.accesses and request.function != 24:
        read = [access for access in request.accesses if access.intent == "read"] or request.accesses
        assert len(response.values) == sum(access.span.count for access in read)
    if response.defect is not None:
        assert (response.values, response.defect.code in DEFECTS) == (None, True)


@given(st.data())
def test_a_sound_request_one_byte_shorter_or_longer_is_a_defect(sound_pdus, data):
    pdu = data.draw(
        sound_pdus.filter(lambda pdu: pdu[0] in FUNCTIONS and pdu[0] not in {8, 43})
    )  # their length is free
    assert parse_request(17, pdu + b"\0").defect is not None
    assert parse_request(17, pdu[:-1]).defect is not None


@pytest.mark.parametrize("function", [0, *range(128, 256)])
def test_a_function_code_that_no_request_has_is_illegal(function):
    defect = parse_request(17, bytes([function, 0, 0, 0, 1])).defect
    assert defect is not None
    assert ("pdu-function", 1) == (defect.code, defect.reply)


def test_a_pdu_without_a_function_is_a_defect_as_well():
    request = parse_request(17, b"")
    assert request.defect is not None
    assert parse_response(request, b"").defect is not None


def test_the_answer_to_a_defective_request_is_judged_by_its_function_alone():
    request = parse_request(17, b"\x03\0\0\0\0")
    assert parse_response(request, b"\x03\x00").defect is None
    assert parse_response(request, b"\x83\x03").exception == 3
    wrong = parse_response(request, b"\x04\x00").defect
    assert wrong is not None
    assert wrong.code == "response-function"


def test_a_request_with_bit_7_set_is_only_ever_answered_by_an_exception():
    request = parse_request(17, b"\x83\x02")
    assert parse_response(request, b"\x83\x01").exception == 1
    assert parse_response(request, b"\x83\x01\x02").defect is not None


@pytest.mark.parametrize("code", range(1, 256))
def test_every_exception_code_above_0_is_delivered(code):
    response = parse_response(parse_request(17, build.read(3, 0, 1)), bytes([0x83, code]))
    assert (code, None) == (response.exception, response.defect)
    assert (code in {1, 2, 3, 4, 5, 6, 8, 10, 11}) == (response.remark is None)
