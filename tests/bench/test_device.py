"""The fake device: what it answers is what the gateway's own codec calls a valid answer, and it counts what arrives."""

import struct
import time

import pytest

from bench.device import device
from bench.process import free_port
from bench.trained import image_value
from icsguard.protocols.modbus import build
from icsguard.protocols.modbus.pdu import parse_request, parse_response

VALID = {
    "coils": build.read(1, 5, 19),
    "discrete inputs": build.read(2, 5, 8),
    "holding registers": build.read(3, 0, 125),
    "input registers": build.read(4, 65_535, 1),
    "coil": build.write_coil(7, on=True),
    "register": build.write_register(7, 65_535),
    "many coils": build.write_coils(3, [1, 0, 1, 1, 0, 0, 1, 0, 1]),
    "many registers": build.write_registers(3, [1, 2, 3]),
    "mask": build.mask_write(9, 0x00FF, 0x1200),
    "read and write": build.read_write(0, 4, 2, [7, 8]),
}


@pytest.mark.parametrize("pdu", VALID.values(), ids=VALID)
def test_each_function_is_answered_as_the_specification_says(pdu, plc, talk_to):
    request = parse_request(1, pdu)
    response = parse_response(request, talk_to(plc.port).ask(pdu))
    assert None is response.defect
    assert 0 == response.exception


def test_registers_hold_the_known_image(plc, talk_to):
    answer = talk_to(plc.port).ask(build.read(3, 1000, 100))
    assert [image_value(address) for address in range(1000, 1100)] == list(struct.unpack(">100H", answer[2:]))


def test_what_is_written_is_read_back(plc, talk_to):
    talk = talk_to(plc.port)
    talk.ask(build.write_registers(20_000, [1, 2, 65_535]))
    talk.ask(build.mask_write(20_001, 0xFF00, 0x0034))
    assert b"\x03\x06" + struct.pack(">3H", 1, 0x0034, 65_535) == talk.ask(build.read(3, 20_000, 3))
    talk.ask(build.write_coils(40_000, [1, 0, 1, 1]))
    assert b"\x01\x01\x0d" == talk.ask(build.read(1, 40_000, 4))


def test_a_read_and_write_writes_first(plc, talk_to):
    assert b"\x17\x04\x00\x07\x00\x08" == talk_to(plc.port).ask(build.read_write(500, 2, 500, [7, 8]))


@pytest.mark.parametrize(
    ("pdu", "exception"),
    [
        (b"\x5a\x01", b"\xda\x01"),
        (build.diagnostic(1), b"\x88\x01"),
        (struct.pack(">BHH", 3, 65_530, 10), b"\x83\x02"),
        (struct.pack(">BHH", 3, 0, 126), b"\x83\x03"),
        (struct.pack(">BHH", 3, 0, 0), b"\x83\x03"),
        (struct.pack(">BHHBH", 16, 0, 2, 4, 1), b"\x90\x03"),
        (struct.pack(">BHH", 5, 0, 1), b"\x85\x03"),
        (b"\x03", b"\x83\x03"),
    ],
)
def test_what_breaks_the_law_gets_its_exception(pdu, exception, plc, talk_to):
    assert exception == talk_to(plc.port).ask(pdu)


def test_identifiers_are_echoed_whatever_the_chopping(plc, talk_to):
    talk = talk_to(plc.port)
    adus = b"".join(build.adu(tid, unit, build.read(3, tid, 1)) for tid, unit in ((7, 1), (65_535, 247)))
    for index in range(len(adus)):
        talk.send(adus[index : index + 1])
    first, second = talk.receive(), talk.receive()
    assert (b"\x00\x07", 1) == (first[:2], first[6])
    assert (b"\xff\xff", 247) == (second[:2], second[6])


def test_a_header_that_is_not_modbus_ends_the_connection_and_is_counted(plc, talk_to):
    talk = talk_to(plc.port)
    talk.send(struct.pack(">HHHBBHH", 1, 99, 6, 1, 3, 0, 1))
    with pytest.raises(EOFError):
        talk.receive()
    assert 1 == plc.arrived().bad_header


def test_it_counts_what_really_arrived(plc, talk_to):
    talk = talk_to(plc.port)
    for pdu in (
        build.read(3, 0, 1),
        build.write_register(10, 1),
        build.write_register(60_000, 1),
        build.write_registers(59_999, [1, 2]),
        build.write_coil(59_999, on=True),
        b"\x5a",
        struct.pack(">BHH", 3, 0, 0),
    ):
        talk.ask(pdu)
    seen = plc.arrived()
    assert (7, 2, 4) == (seen.requests, seen.reads, seen.writes)
    assert 3 == seen.forbidden, "register 60000, the run over it, and the unknown function"
    assert (1, 2) == (seen.malformed, seen.exceptions)
    assert {"3": 2, "5": 1, "6": 2, "16": 1, "90": 1} == seen.functions


def test_each_port_has_tables_of_its_own_and_a_delay_delays(programs, tmp_path, talk_to):
    with device(programs, free_port(), tmp_path / "log", delay_us=30_000) as late:
        began = time.monotonic()
        talk_to(late.port).ask(build.read(3, 0, 1))
        assert 0.03 <= time.monotonic() - began < 1


def test_its_plant_follows_the_set_point(plc, talk_to):
    talk = talk_to(plc.port)
    talk.ask(build.read(3, 9900, 3))
    talk.ask(build.write_register(9900, 900))
    until = time.monotonic() + 5
    level = 5000
    while level < 5010 and time.monotonic() < until:
        level = int.from_bytes(talk.ask(build.read(3, 9901, 1))[2:])
        time.sleep(0.02)
    assert 5010 <= level < 9000
