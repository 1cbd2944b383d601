"""What a request wants, and what an answered one proves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsguard.core.meaning import Intent, Table
from icsguard.protocols.modbus import build
from icsguard.protocols.modbus.meaning import Observed, answer_due, changes_plant, meaning, observations
from icsguard.protocols.modbus.pdu import parse_request, parse_response
from icsguard.protocols.modbus.quirks import ECHO_DIFFERS, NO_QUIRKS


def parsed(pdu, unit=17):
    return parse_request(unit, pdu)


def seen(pdu, answer, quirks=NO_QUIRKS):
    request = parsed(pdu)
    return observations(request, parse_response(request, answer, quirks))


WRITES = [
    build.write_coil(1, on=True),
    build.write_register(1, 2),
    build.write_coils(1, [1]),
    build.write_registers(1, [1]),
    build.write_files([build.FilePart(1, 0, words=(1,))]),
    build.mask_write(1, 2, 3),
    build.read_write(0, 1, 0, [1]),
]
COMMANDS = [
    *(build.diagnostic(sub) for sub in (1, 3, 4, 10, 20)),
    b"\x08\x00\x05",
    build.encapsulated(13, b""),
    build.encapsulated(0, b""),
    build.private(90),
    build.private(9),
]
READS = [
    *(build.read(function, 0, 1) for function in (1, 2, 3, 4)),
    *(build.bare(function) for function in (7, 11, 12, 17)),
    *(build.diagnostic(sub) for sub in (0, 2, 11, 18)),
    build.read_files([build.FilePart(1, 0, 1)]),
    build.read_fifo(0),
    build.identification(),
]


@pytest.mark.parametrize("pdu", WRITES + COMMANDS)
def test_writes_and_commands_reach_a_device_at_most_once(pdu):
    assert changes_plant(meaning(parsed(pdu)))


@pytest.mark.parametrize("pdu", READS)
def test_reads_change_nothing(pdu):
    assert not changes_plant(meaning(parsed(pdu)))


@pytest.mark.parametrize("pdu", [b"\x10\0\0\0\0\0", b"\x06\0", b"\x00", b"\x83\x01"])
def test_a_defective_write_or_command_still_counts_as_one(pdu):
    assert changes_plant(meaning(parsed(pdu)))


def test_a_meaning_holds_what_the_request_holds():
    request = parsed(build.read_write(0, 1, 5, [7]))
    wanted = meaning(request)
    assert (Intent.WRITE, 23, -1, 17) == wanted[:4]
    assert (request.accesses, request.changes, b"") == wanted[4:7]


def test_listen_only_is_never_answered():
    assert not answer_due(parsed(build.diagnostic(4)), serial=False)


def test_restart_is_answered():
    assert answer_due(parsed(build.diagnostic(1)), serial=False)


def test_a_malformed_listen_only_is_answered_with_an_exception():
    assert answer_due(parsed(b"\x08\0\4\xff\0"), serial=False)


def test_unit_0_is_a_broadcast_on_a_serial_line_only():
    write = parsed(build.write_register(1, 2), unit=0)
    assert answer_due(write, serial=False)
    assert not answer_due(write, serial=True)
    assert answer_due(parsed(build.write_register(1, 2), unit=1), serial=True)


@pytest.mark.parametrize(
    ("pdu", "answer", "proven"),
    [
        (build.read(1, 5, 3), "0101 05", [Observed(Table.COIL, 5, (1, 0, 1))]),
        (build.read(2, 5, 3), "0201 05", [Observed(Table.DISCRETE, 5, (1, 0, 1))]),
        (build.read(3, 5, 2), "0304 0001 0002", [Observed(Table.HOLDING, 5, (1, 2))]),
        (build.read(4, 5, 1), "0402 0001", [Observed(Table.INPUT, 5, (1,))]),
        (build.write_coil(5, on=True), "05 0005 FF00", [Observed(Table.COIL, 5, (1,))]),
        (build.write_register(5, 9), "06 0005 0009", [Observed(Table.HOLDING, 5, (9,))]),
        (build.write_coils(5, [1, 0]), "0F 0005 0002", [Observed(Table.COIL, 5, (1, 0))]),
        (build.write_registers(5, [1, 2]), "10 0005 0002", [Observed(Table.HOLDING, 5, (1, 2))]),
        (build.mask_write(5, 0, 9), "16 0005 0000 0009", [Observed(Table.HOLDING, 5, (9,))]),
        (build.mask_write(5, 1, 9), "16 0005 0001 0009", []),
        (
            build.read_write(5, 1, 6, [7]),
            "1702 0008",
            [Observed(Table.HOLDING, 6, (7,)), Observed(Table.HOLDING, 5, (8,))],
        ),
        (build.read_fifo(5), "18 0004 0001 0007", []),
        (build.read_files([build.FilePart(1, 0, 1)]), "14 04 03 06 0001", []),
        (build.write_files([build.FilePart(1, 0, words=(1,))]), "15 09 06 0001 0000 0001 0001", []),
        (build.bare(7), "07 FF", []),
    ],
)
def test_a_normal_answer_proves_what_was_read_and_what_was_written(pdu, answer, proven):
    assert proven == seen(pdu, bytes.fromhex(answer))


@pytest.mark.parametrize("answer", ["86 02", "86 05", "06 0005 0008", "06 0005", "83 02"])
def test_an_exception_or_a_defective_answer_proves_nothing(answer):
    assert [] == seen(build.write_register(5, 9), bytes.fromhex(answer))


def test_a_device_that_clamps_proves_the_value_that_it_says():
    clamped = build.write_register(5, 7)
    assert [Observed(Table.HOLDING, 5, (7,))] == seen(build.write_register(5, 9), clamped, frozenset({ECHO_DIFFERS}))


def test_the_answer_to_a_malformed_request_proves_nothing():
    assert [] == seen(b"\x06\0\5\0\1\0", b"\x06\0\5\0\1\0")


@given(st.data())
def test_no_answer_to_any_request_is_too_odd_to_observe(noisy_pdus, data):
    request = parsed(data.draw(noisy_pdus))
    response = parse_response(request, bytes([request.function]) + data.draw(st.binary(max_size=252)))
    for table, first, values in observations(request, response):
        assert any(table is access.table and access.span.first == first for access in request.accesses)
        assert values
