import pytest

from icsguard.config.request_words import EXAMPLES, request_of
from icsguard.core.meaning import Table
from icsguard.core.point import DataType, Point
from icsguard.protocols.modbus import build
from icsguard.protocols.modbus.pdu import parse_request

POINTS = {
    "pump_speed": Point("pump_speed", 1, Table.HOLDING, 12, scale=0.1),
    "level": Point("level", 3, Table.HOLDING, 20, DataType.F32),
    "trip": Point("trip", 2, Table.COIL, 5, DataType.BOOL),
    "seen": Point("seen", 2, Table.INPUT, 5),
}


@pytest.mark.parametrize(
    ("words", "unit", "pdu"),
    [
        ("read holding 0..9 unit 1", 1, build.read(3, 0, 10)),
        ("read coil 5 unit 2", 2, build.read(1, 5, 1)),
        ("read discrete 5 unit 2", 2, build.read(2, 5, 1)),
        ("read input 5 unit 2", 2, build.read(4, 5, 1)),
        ("read file 4:1..2 unit 2", 2, build.read_files([build.FilePart(4, 1, 2)])),
        ("write holding 100 = 65535 unit 17", 17, build.write_register(100, 65535)),
        ("write holding 100 = 1 0x10 unit 17", 17, build.write_registers(100, [1, 16])),
        ("write holding 100 = 7 unit 17 with 16", 17, build.write_registers(100, [7])),
        ("write holding 100 = 7 unit 17 with 22", 17, build.mask_write(100, 0, 7)),
        ("write holding 100 = 7 unit 17 with 23", 17, build.read_write(100, 1, 100, [7])),
        ("write coil 5 = 1 unit 1", 1, build.write_coil(5, on=True)),
        ("write coil 5 = 1 0 unit 1", 1, build.write_coils(5, [1, 0])),
        ("write coil 5 = 1 unit 1 with 15", 1, build.write_coils(5, [1])),
        ("write pump_speed = 80", 1, build.write_register(12, 800)),
        ("write pump_speed = 80 rpm unit 9", 9, build.write_register(12, 800)),
        ("write level = 1.5", 3, build.write_registers(20, [0x3FC0, 0])),
        ("write trip = 0", 2, build.write_coil(5, on=False)),
        ("mask holding 12 and 0xFF00 or 0x0080 unit 1", 1, build.mask_write(12, 0xFF00, 0x80)),
        ("function 8/4 0000 unit 1", 1, build.diagnostic(4)),
        ("function 43/14 0100 unit 1", 1, build.identification()),
        ("function 90 0041 unit 1", 1, build.private(90, b"\x00\x41")),
        ("function 17 unit 1", 1, build.bare(17)),
    ],
)
def test_words_become_the_request_they_say(words, unit, pdu):
    assert (unit, pdu) == request_of(words, POINTS)


@pytest.mark.parametrize("words", EXAMPLES)
def test_every_example_is_a_lawful_request(words):
    assert None is parse_request(*request_of(words, POINTS)).defect


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("", "is no request"),
        ("wipe holding 1 unit 1", "is no request"),
        ("read holding 1", "names no unit"),
        ("read holding 1 unit 300", "is no unit identifier"),
        ("write holding 1 unit 1", "says no value"),
        ("write pump_speed =", "says no value"),
        ("write holding 1 = 70000 unit 1", "does not fit a register"),
        ("write holding 1 = x unit 1", "is no number"),
        ("write input 1 = 1 unit 1", "cannot be written"),
        ("write seen = 1", "cannot be written"),
        ("mask coil 1 unit 1", "mask holding 12"),
        ("function 8/4 zz unit 1", "no hexadecimal digits"),
        ("function 200 unit 1", "is no service"),
    ],
)
def test_what_is_no_request_says_how_to_write_one(words, message):
    with pytest.raises(ValueError, match=message):
        request_of(words, POINTS)
