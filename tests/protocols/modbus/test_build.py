"""The encoders are the strict inverse of the codec: what they build parses without fault to what was asked for."""

from struct import unpack_from

import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsguard.protocols.modbus import build
from icsguard.protocols.modbus.mbap import Framer
from icsguard.protocols.modbus.pdu import parse_request, parse_response


def _block(encode):
    return lambda request: encode(request.changes[0].start, request.changes[0].values)


def _single(encode):
    return lambda request: encode(request.changes[0].start, request.changes[0].values[0])


def _read(request):
    span = request.accesses[0].span
    return build.read(request.function, span.first, span.count)


def _read_files(request):
    parts = [build.FilePart(access.file, access.span.first, access.span.count) for access in request.accesses]
    return build.read_files(parts)


def _write_files(request):
    parts, at = [], 1
    for access in request.accesses:
        at += 7
        words = unpack_from(f">{access.span.count}H", request.extra, at)
        at += 2 * len(words)
        parts.append(build.FilePart(access.file, access.span.first, words=words))
    return build.write_files(parts)


def _mask(request):
    (change,) = request.changes
    return build.mask_write(change.start, change.keep, change.values[0])


def _read_write(request):
    span, (change,) = request.accesses[1].span, request.changes
    return build.read_write(span.first, span.count, change.start, change.values)


REBUILD = {
    **dict.fromkeys((1, 2, 3, 4), _read),
    5: _single(lambda address, value: build.write_coil(address, on=bool(value))),
    6: _single(build.write_register),
    **dict.fromkeys((7, 11, 12, 17), lambda request: build.bare(request.function)),
    8: lambda request: build.diagnostic(request.sub, request.extra),
    15: _block(build.write_coils),
    16: _block(build.write_registers),
    20: _read_files,
    21: _write_files,
    22: _mask,
    23: _read_write,
    24: lambda request: build.read_fifo(request.accesses[0].span.first),
    43: lambda request: build.encapsulated(request.sub, request.extra),
}


def rebuilt(request):
    """Build the PDU again from what the codec made of it."""
    again = REBUILD.get(request.function)
    return again(request) if again else build.private(request.function, request.extra)


@given(st.data())
def test_building_from_what_was_parsed_gives_the_same_bytes(sound_pdus, data):
    pdu = data.draw(sound_pdus)
    request = parse_request(17, pdu)
    assert (request.defect, request.remark) == (None, None)
    assert pdu == rebuilt(request)


@given(st.data())
def test_what_is_built_is_framed_and_carries_its_identifiers(sound_pdus, data):
    pdu, tid, unit = data.draw(sound_pdus), data.draw(st.integers(0, 0xFFFF)), data.draw(st.integers(0, 255))
    (frame,) = Framer().feed(build.adu(tid, unit, pdu))
    assert (tid, unit, pdu, None) == frame[1:]


def answer_is_open(pdu):
    """Say whether only the device knows what the answer holds."""
    return pdu[0] in {7, 11, 12, 17, 43} or (pdu[0] == 8 and pdu[2] in {2, 4, *range(11, 19)})


@given(st.data())
def test_an_answer_that_is_built_parses_to_its_values(sound_pdus, data):
    request = parse_request(17, data.draw(sound_pdus.filter(lambda pdu: not answer_is_open(pdu))))
    bits = request.function in {1, 2}
    reads = [access.span.count for access in request.accesses if access.intent == "read"]
    count = data.draw(st.integers(0, 31)) if request.function == 24 else sum(reads)
    values = data.draw(st.lists(st.integers(0, 1 if bits else 0xFFFF), min_size=count, max_size=count))
    response = parse_response(request, build.answer(request, values))
    assert (0, None, None) == (response.exception, response.defect, response.remark)
    assert (tuple(values) if reads else None) == response.values


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: build.read(3, 0, 126),
        lambda: build.read(3, 65535, 2),
        lambda: build.read(3, -1, 1),
        lambda: build.write_register(0, 65536),
        lambda: build.write_registers(0, []),
        lambda: build.write_registers(0, [-1]),
        lambda: build.write_coils(0, [1] * 1969),
        lambda: build.diagnostic(1, b"\0\1"),
        lambda: build.identification(5),
        lambda: build.private(128),
        lambda: build.private(0),
        lambda: build.read_files([]),
        lambda: build.write_files([build.FilePart(0, 0, words=(1,))]),
        lambda: build.write_registers(0, [0] * 200),
    ],
)
def test_a_request_that_breaks_the_law_cannot_be_built(wrong):
    with pytest.raises(ValueError, match=r"."):
        wrong()


def test_an_answer_that_does_not_fit_its_request_cannot_be_built():
    request = parse_request(17, build.read(3, 0, 2))
    with pytest.raises(ValueError, match="4 bytes, the request needs 6"):
        build.answer(request, [1])


def test_an_answer_that_only_a_device_knows_cannot_be_built():
    with pytest.raises(ValueError, match="bytes"):
        build.answer(parse_request(17, build.bare(7)))


def test_an_exception_has_its_function_and_code():
    assert build.exception(3, 2) == b"\x83\x02"


def test_files_may_be_longer_than_the_specification_says_for_devices_that_have_such():
    assert build.read_files([build.FilePart(1, 60000, 1)])


@pytest.mark.parametrize(
    "write",
    [
        lambda: build.read_files([build.FilePart(65_536, 0, 1)]),
        lambda: build.read_files([build.FilePart(1, -1, 1)]),
        lambda: build.write_files([build.FilePart(1, 0, words=(65_536,))]),
        lambda: build.answer(parse_request(17, build.read(3, 0, 1)), [65_536]),
        lambda: build.answer(parse_request(17, build.read_fifo(0)), [-1]),
        lambda: build.answer(parse_request(17, build.read_files([build.FilePart(1, 0, 1)])), [65_536]),
    ],
)
def test_numbers_that_no_bytes_hold_are_refused_at_every_depth(write):
    with pytest.raises(ValueError, match="no bytes hold"):
        write()
