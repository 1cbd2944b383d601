"""A refusal is an answer that every client understands."""

from hypothesis import given
from hypothesis import strategies as st

from icsguard.protocols.modbus import build
from icsguard.protocols.modbus.mbap import Framer, frame
from icsguard.protocols.modbus.pdu import parse_request, parse_response
from icsguard.protocols.modbus.refuse import refuse


def test_a_refusal_carries_the_requests_identifiers_and_function():
    write = build.adu(0xBEEF, 17, build.write_register(100, 65535))
    assert bytes.fromhex("beef 0000 0003 11 86 02") == refuse(write, 2)


def test_a_frame_is_refused_as_its_bytes_are():
    write = build.adu(1, 17, build.write_register(100, 65535))
    assert refuse(frame(write), 1) == refuse(write, 1)


def test_a_refusal_of_another_protocol_still_speaks_modbus():
    assert refuse(bytes.fromhex("0001 beef 0002 11 07"), 1)[2:4] == b"\0\0"


@given(st.data())
def test_a_refusal_parses_as_a_valid_answer_to_its_request(noisy_pdus, data):
    raw = build.adu(data.draw(st.integers(0, 0xFFFF)), data.draw(st.integers(0, 255)), data.draw(noisy_pdus))
    code = data.draw(st.sampled_from([1, 2, 3, 4, 6, 10, 11]))
    (answer,) = Framer().feed(refuse(raw, code))
    assert (raw[:2], raw[6], None) == (answer.raw[:2], answer.unit, answer.defect)
    response = parse_response(parse_request(raw[6], raw[7:]), answer.pdu)
    assert (code, None, None) == (response.exception, response.defect, response.remark)
