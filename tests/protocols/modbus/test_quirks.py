"""Each quirk relaxes exactly its named check: strict without it, and every neighbouring check stays with it."""

import pytest

from icsguard.protocols.modbus import build, quirks
from icsguard.protocols.modbus.correlate import Correlator, Pairing, Pending
from icsguard.protocols.modbus.mbap import frame
from icsguard.protocols.modbus.pdu import parse_request, parse_response

ALL = frozenset(quirks.QUIRKS)


def code(response):
    return response.defect.code if response.defect else ""


def request(pdu, with_quirks=quirks.NO_QUIRKS):
    return parse_request(17, pdu, with_quirks)


def test_names_are_plain_words_and_each_says_what_it_relaxes():
    assert all(name.replace("_", "").isalpha() and name.islower() for name in quirks.QUIRKS)
    assert all(quirks.QUIRKS.values())


IDENTIFY = build.identification()


def test_the_mei_type_in_an_exception_passes_only_by_its_quirk():
    old_form = b"\xab\x0e\x02"
    assert code(parse_response(request(IDENTIFY), old_form)) == "response-exception"
    response = parse_response(request(IDENTIFY), old_form, frozenset({quirks.MEI_IN_EXCEPTION}))
    assert ("", 2) == (code(response), response.exception)


@pytest.mark.parametrize("old_form", [b"\xab\x0d\x02", b"\xab\x0e\x00", b"\xab\x0e\x02\x00", b"\xab"])
def test_the_mei_quirk_takes_no_other_exception(old_form):
    assert code(parse_response(request(IDENTIFY), old_form, ALL)) == "response-exception"


def test_the_mei_quirk_is_for_function_43_alone():
    assert code(parse_response(request(build.read(3, 0, 1)), b"\x83\x03\x02", ALL)) == "response-exception"


ECHO = frozenset({quirks.ECHO_DIFFERS})


@pytest.mark.parametrize(
    ("pdu", "clamped", "values"),
    [
        (build.write_register(1, 3), build.write_register(1, 2), (2,)),
        (build.write_coil(1, on=True), build.write_coil(1, on=False), (0,)),
        (build.mask_write(1, 2, 3), build.mask_write(1, 2, 4), None),
        (
            build.write_files([build.FilePart(1, 2, words=(3, 4))]),
            build.write_files([build.FilePart(1, 2, words=(3, 5))]),
            None,
        ),
    ],
)
def test_a_clamped_value_in_an_echo_passes_only_by_its_quirk(pdu, clamped, values):
    assert code(parse_response(request(pdu), clamped)) == "response-echo"
    response = parse_response(request(pdu), clamped, ECHO)
    assert ("", values) == (code(response), response.values)


@pytest.mark.parametrize(
    ("pdu", "echo", "due"),
    [
        (build.write_register(1, 3), build.write_register(2, 3), "response-echo"),
        (build.write_register(1, 3), b"\x06\0\1\0", "response-length"),
        (build.write_coil(1, on=True), b"\x05\0\1\0\1", "response-echo"),
        (build.write_registers(1, [3]), b"\x10\0\1\0\2", "response-echo"),
        (build.diagnostic(0, b"ab"), b"\x08\0\0ac", "response-echo"),
        (
            build.write_files([build.FilePart(1, 2, words=(3, 4))]),
            build.write_files([build.FilePart(1, 3, words=(3, 4))]),
            "response-echo",
        ),
        (
            build.write_files([build.FilePart(1, 2, words=(0x0600, 4))]),
            b"\x15\x0b\x06\0\1\0\2\0\1\x06\0\0\4",
            "response-echo",
        ),
        (build.write_files([build.FilePart(1, 2, words=(3,))]), b"\x15\x09\x06", "response-length"),
    ],
)
def test_the_echo_quirk_still_wants_address_length_and_law(pdu, echo, due):
    assert due == code(parse_response(request(pdu), echo, ALL))


LONG = frozenset({quirks.LONG_FILES})


def raw_read_file(reference, file, record, words):
    return b"\x14\x07" + bytes([reference]) + b"".join(n.to_bytes(2) for n in (file, record, words))


def test_records_beyond_9999_exist_only_by_the_quirk():
    assert request(raw_read_file(6, 1, 10_000, 1)).defect is not None
    assert request(raw_read_file(6, 1, 10_000, 1), LONG).defect is None
    assert request(raw_read_file(6, 1, 65_535, 1), LONG).defect is None


@pytest.mark.parametrize(
    ("sub_request", "due"),
    [
        ((6, 1, 65_535, 2), "pdu-file-record"),
        ((5, 1, 10_000, 1), "pdu-file-reference"),
        ((6, 0, 10_000, 1), "pdu-file-number"),
        ((6, 1, 10_000, 0), "pdu-quantity"),
    ],
)
def test_the_file_quirk_relaxes_nothing_else(sub_request, due):
    defect = request(raw_read_file(*sub_request), ALL).defect
    assert defect is not None
    assert due == defect.code


def answered(with_quirks, *, tid, unit):
    correlator = Correlator(quirks=frozenset(with_quirks))
    pdu = build.read(3, 0, 1)
    assert correlator.add(Pending(1, 7, 17, 3, 100, request(pdu)))
    return correlator.match(frame(build.adu(tid, unit, b"\x03\x02\0\0"))).pairing


def test_another_unit_in_the_answer_pairs_only_by_its_quirk():
    assert answered([], tid=7, unit=1) is Pairing.MISMATCH
    assert answered([quirks.UNIT_NOT_ECHOED], tid=7, unit=1) is Pairing.MATCHED
    assert answered([quirks.UNIT_NOT_ECHOED], tid=8, unit=17) is Pairing.UNSOLICITED


def test_another_identifier_in_the_answer_pairs_only_by_its_quirk():
    assert answered([], tid=8, unit=17) is Pairing.UNSOLICITED
    assert answered([quirks.TID_NOT_ECHOED], tid=8, unit=17) is Pairing.MATCHED
    assert answered([quirks.TID_NOT_ECHOED], tid=8, unit=1) is Pairing.MISMATCH


def test_a_device_that_does_not_echo_identifiers_gets_one_request_at_a_time():
    correlator = Correlator(quirks=frozenset({quirks.TID_NOT_ECHOED}))
    read = request(build.read(3, 0, 1))
    assert [True, False] == [correlator.add(Pending(n, n, 17, 3, 100, read)) for n in (1, 2)]
