"""A forbidden value in every encoding: refused, nothing arrives, the connection lives; one step inside it passes."""

import struct

import pytest

pytestmark = pytest.mark.timeout(150)  # starting three processes is slow on a machine that does other work
POINTS = """name,unit_id,table,address,type,min,max,allowed,atomic,overlaps
speed,1,holding,12,u16,10,80,,,
total,1,holding,20,u32,0,100000,,yes,
loose,1,holding,24,u32,0,100000,,no,
word,1,holding,30,u16,0,255,,,
valve,1,coil,3,,,,0,,
trip,1,coil,21,,,,1,,word.5
high,1,coil,24,,,,,,word.8
"""
POLICY = """[clients]
hmi = ["127.0.0.1"]
[[rule]]
id = "operate"
clients = ["hmi"]
units = [1]
functions = [1, 3, 5, 6, 15, 16, 22, 23]
ranges = ["holding 0..399", "coil 0..31"]
"""
NAMED = 'policy = "plc1.policy.toml"\npoints = "plc1.points.csv"\n{}[conduit.{}.isolation]\nauto = false\n'
"""Without isolation after many refusals: each one here must be for its value."""
APART = range(112, 332, 20)
POINTS += "".join(f"apart{at},1,holding,{at},u16,10,80,,,\n" for at in APART)
LOOSE_APART = range(40, 60, 4)
POINTS += "".join(f"loose{at},1,holding,{at},u32,0,100000,,no,\n" for at in LOOSE_APART)
SPEED, TOTAL, LOOSE, WORD, VALVE, TRIP, HIGH = 12, 20, 24, 30, 3, 21, 24
READ = struct.pack(">BHH", 3, SPEED, 1)


def register(address, value):
    return struct.pack(">BHH", 6, address, value)


def registers(first, *values):
    return struct.pack(f">BHHB{len(values)}H", 16, first, len(values), 2 * len(values), *values)


def masked(address, keep, put):
    return struct.pack(">BHHH", 22, address, keep, put)


def read_write(first, *values):
    return struct.pack(f">BHHHHB{len(values)}H", 23, 0, 2, first, len(values), 2 * len(values), *values)


def coil(address, *, on):
    return struct.pack(">BHH", 5, address, 0xFF00 if on else 0)


def coils(first, *bits):
    data = sum(bit << index for index, bit in enumerate(bits)).to_bytes((len(bits) + 7) // 8, "little")
    return struct.pack(f">BHHB{len(data)}s", 15, first, len(bits), len(data), data)


def in_every_encoding(value, at=SPEED):
    """Return name → PDU that sets a register, one for each way that the protocol has."""
    return {
        "6": register(at, value),
        "16 exactly": registers(at, value),
        "16 first of a block": registers(at, value, 1, 2),
        "16 in the middle": registers(at - 1, 1, value, 2),
        "16 last of a block": registers(at - 2, 1, 2, value),
        "16 in a long block": registers(at - 12, *[1] * 12, value, *[1] * 7),
        "22 with and = 0": masked(at, 0, value),
        "23 exactly": read_write(at, value),
        "23 first of a block": read_write(at, value, 1),
        "23 in the middle": read_write(at - 1, 1, value, 2),
        "23 last of a block": read_write(at - 2, 1, 2, value),
    }


def in_every_encoding_apart(value):
    """Return the same, each with a register of its own: the shadow holds a point that is changed too often a second."""
    return {name: in_every_encoding(value, at)[name] for name, at in zip(in_every_encoding(value), APART, strict=True)}


FORBIDDEN = {
    **{
        f"speed {value}, {name}": pdu
        for value in (81, 9, 0x8000, 0xFFFF)
        for name, pdu in in_every_encoding(value).items()
    },
    "speed, 22 that only sets high bits": masked(SPEED, 0x00FF, 0xFF00),
    "speed, 22 that only sets one bit": masked(SPEED, 0xFF7F, 0x0080),
    "speed (64 now), 22 that only clears": masked(SPEED, 0xFFBF, 0),
    "total, whole": registers(TOTAL, 1, 34465),
    "total, whole, inside a block": registers(TOTAL - 1, 0, 1, 34465, 0),
    "total, whole, by 23": read_write(TOTAL, 1, 34465),
    "total, its high word by 16": registers(TOTAL, 0),
    "total, its low word by 16": registers(TOTAL + 1, 0),
    "total, its low word in a block that begins in it": registers(TOTAL + 1, 0, 0),
    "total, its high word in a block that ends in it": registers(TOTAL - 1, 0, 0),
    "total, its high word by 6": register(TOTAL, 0),
    "total, its low word by 6": register(TOTAL + 1, 0),
    "total, its low word by 22": masked(TOTAL + 1, 0, 0),
    "total, its low word by 23": read_write(TOTAL + 1, 0),
    "loose (65536 now), its high word by 6": register(LOOSE, 2),
    "loose (65536 now), its low word by 6": register(LOOSE + 1, 34465),
    "loose (65536 now), its high word by 16": registers(LOOSE, 2),
    "loose (65536 now), its low word by 16": registers(LOOSE + 1, 34465),
    "loose (65536 now), its low word by 22": masked(LOOSE + 1, 0, 34465),
    "loose (65536 now), its low word by 23": read_write(LOOSE + 1, 34465),
    "valve by 5": coil(VALVE, on=True),
    "valve by 15": coils(VALVE, 1),
    "valve by 15, first of a block": coils(VALVE, 1, 0, 0),
    "valve by 15, in the middle": coils(0, 0, 0, 0, 1, 0, 0, 0, 0, 0),
    "valve by 15, last of a block": coils(0, 0, 0, 0, 1),
    "trip by 5": coil(TRIP, on=False),
    "trip by 15": coils(TRIP - 1, 1, 0, 1),
    "trip by its register, 6": register(WORD, 0xDF),
    "trip by its register, 16": registers(WORD - 1, 0, 0xDF, 0),
    "trip by its register, 22": masked(WORD, 0xFFDF, 0),
    "trip by its register, 23": read_write(WORD, 0xDF),
    "word by a coil that is its bit, 5": coil(HIGH, on=True),
    "word by a coil that is its bit, 15": coils(TRIP, 1, 0, 0, 1),
}
PERMITTED = {
    **{f"speed {value}, {name}": pdu for value in (80, 10) for name, pdu in in_every_encoding_apart(value).items()},
    "speed (64 now), 22 that keeps it inside": masked(SPEED, 0xFFF0, 0),
    "total, whole": registers(TOTAL, 1, 34464),
    "total, whole, by 23": read_write(TOTAL, 1, 34464),
    "total, whole, inside a block": registers(TOTAL - 1, 0, 1, 34464, 0),
    "loose, its low word by 6": register(LOOSE_APART[0] + 1, 34464),
    "loose, its high word by 6": register(LOOSE_APART[1], 0),
    "loose, its low word by 16": registers(LOOSE_APART[2] + 1, 34463),
    "loose, its low word by 22": masked(LOOSE_APART[3] + 1, 0, 7),
    "loose, its low word by 23": read_write(LOOSE_APART[4] + 1, 8),
    "valve by 5": coil(VALVE, on=False),
    "valve by 15": coils(0, 1, 1, 1, 0, 1, 1, 1, 1, 1),
    "trip by 5": coil(TRIP, on=True),
    "trip by 15": coils(TRIP - 1, 1, 1, 1),
    "trip by its register, 6": register(WORD, 0x21),
    "trip by its register, 22": masked(WORD, 0xFFDF, 0x20),
    "word by a coil that is its bit, 5": coil(HIGH, on=False),
}


@pytest.fixture(scope="module")
def site(make_site, plc):
    """The device behind three conduits in mode enforce.

    The clients of `shared` have one connection to the device between them; to `alias` all units are the same.
    """
    conduits = {
        "plc1": (plc.port, "enforce", NAMED.format("", "plc1")),
        "shared": (plc.port, "enforce", NAMED.format("links = 1\n", "shared")),
        "alias": (plc.port, "enforce", NAMED.format('quirks = ["unit_ignored"]\n', "alias")),
    }
    return make_site(conduits, {"plc1.policy.toml": POLICY, "plc1.points.csv": POINTS})


@pytest.fixture(params=["plc1", "shared"])
def prepared(request, site, plc, connect):
    """Bring the device and the gateway's view of it to where every case starts; return a client's connection."""
    with connect(plc.port) as beside:
        for unit in (1, 9):
            beside.ask(registers(SPEED, 64), unit)
            for at in (LOOSE, *LOOSE_APART):
                beside.ask(registers(at, 1, 0), unit)
            beside.ask(register(WORD, 0x20), unit)
    with connect(site.ports[request.param]) as client:
        client.ask(struct.pack(">BHH", 3, 0, 60))
        client.ask(struct.pack(">BHH", 1, 0, 32))
        yield client


@pytest.mark.parametrize("name", FORBIDDEN)
def test_it_is_refused_nothing_arrives_and_the_connection_lives(prepared, plc, name):
    before = plc.arrived()
    answer = prepared.ask(FORBIDDEN[name])
    assert bytes([FORBIDDEN[name][0] | 0x80]) == answer[:1]
    assert answer[1:] in {b"\x01", b"\x02", b"\x03"}
    assert bytes([3, 2, 0, 64]) == prepared.ask(READ)
    assert [READ] == [raw[7:] for raw in plc.arrived()[len(before) :]]


@pytest.mark.parametrize("name", PERMITTED)
def test_one_step_inside_the_limit_passes(prepared, plc, name):
    before = plc.arrived()
    asked = PERMITTED[name]
    answer = prepared.ask(asked)
    expected = {15: asked[:5], 16: asked[:5], 23: answer[:2]}.get(asked[0], asked)
    assert asked[0] == answer[0]
    assert expected == answer[: len(expected)]
    assert [asked] == [raw[7:] for raw in plc.arrived()[len(before) :]]


@pytest.mark.parametrize("unit", [0, 2, 9, 247, 255])
def test_another_unit_identifier_is_no_way_around(prepared, plc, unit):
    before = plc.arrived()
    for value in (81, 80):  # nothing is permitted at a unit that the policy does not know
        assert bytes([0x86]) == prepared.ask(register(SPEED, value), unit)[:1]
    assert bytes([3, 2, 0, 64]) == prepared.ask(READ)
    assert [READ] == [raw[7:] for raw in plc.arrived()[len(before) :]]


def test_a_device_that_ignores_units_keeps_its_limits_at_each(site, prepared, plc, connect):
    before = plc.arrived()
    with connect(site.ports["alias"]) as client:
        for pdu in in_every_encoding(81).values():
            assert bytes([pdu[0] | 0x80, 3]) == client.ask(pdu, 9)
        assert before == plc.arrived()
        assert register(SPEED, 80) == client.ask(register(SPEED, 80), 9)


def test_all_at_once_in_one_segment_none_arrives(prepared, plc):
    before = plc.arrived()
    frames = [prepared.framed(pdu) for pdu in [*list(FORBIDDEN.values())[:15], READ]]
    prepared.send(b"".join(frames))
    answers = [prepared.receive() for _ in frames]
    assert [raw[:2] for raw in frames] == sorted(answer[:2] for answer in answers)
    assert 15 == sum(answer[7] >= 0x80 for answer in answers)
    assert [READ] == [raw[7:] for raw in plc.arrived()[len(before) :]]


def test_byte_by_byte_none_arrives(prepared, plc):
    before = plc.arrived()
    for pdu in in_every_encoding(81).values():
        for byte in prepared.framed(pdu):
            prepared.send(bytes([byte]))
        assert bytes([pdu[0] | 0x80]) == prepared.receive()[7:8]
    assert before == plc.arrived()
