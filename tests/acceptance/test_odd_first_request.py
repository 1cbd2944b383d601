"""An odd first request never switches inspection off: a forbidden write behind it does not arrive."""

import random
import struct

import pytest

pytestmark = pytest.mark.timeout(150)  # starting three processes is slow on a machine that does other work
POINTS = "name,unit_id,table,address,type,min,max\nspeed,1,holding,12,u16,10,80\n"
POLICY = """[clients]
hmi = ["127.0.0.1"]
[[rule]]
id = "operate"
clients = ["hmi"]
units = [1]
functions = [3, 6, 16, {private}]
ranges = ["holding 0..39"]
"""
NAMED = 'policy = "{0}.policy.toml"\npoints = "points.csv"\n[conduit.{0}.isolation]\nauto = false\n'
FORBIDDEN = [struct.pack(">BHH", 6, 12, 9000), struct.pack(">BHHBH", 16, 12, 1, 2, 9000)]
READ = struct.pack(">BHH", 3, 12, 1)
SEED = random.Random(2)


def framed(pdu, protocol=0, length=None, unit=1):
    return struct.pack(">HHHB", 77, protocol, 1 + len(pdu) if length is None else length, unit) + pdu


ODD = {
    **{f"function {number}": framed(bytes([number])) for number in (0, 90, *range(128, 256))},
    **{f"function {number} with data": framed(bytes([number]) + b"\x00\x01\x02\x03") for number in (0, 65, 90, 110)},
    **{f"random bytes {n}, {size} long": framed(SEED.randbytes(size)) for n in range(8) for size in (1, 5, 64, 253)},
    "zeros": framed(bytes(64)),
    "ones": framed(b"\xff" * 253),
    "another protocol": framed(READ, protocol=1),
    "another protocol, all bits": framed(READ, protocol=0xFFFF),
    "another protocol around a forbidden write": framed(FORBIDDEN[0], protocol=0x0100),
    "a header without a request": framed(b"", length=1),
    "length 0": framed(READ, length=0),
    "length 255": framed(READ, length=255),
    "length 65535": framed(READ, length=0xFFFF),
    "a read that is too short": framed(READ[:-1]),
    "a read with more behind it": framed(READ + FORBIDDEN[0]),
    "a forbidden write with more behind it": framed(FORBIDDEN[0] + b"\x00"),
    "an answer": framed(b"\x03\x02\x00\x01"),
    "an exception": framed(b"\x83\x02"),
    "text": b"GET / HTTP/1.1\r\nHost: plc\r\n\r\n",
    "TLS": bytes.fromhex("16030100c8010000c40303") + bytes(200),
    "diagnostics: listen only": framed(struct.pack(">BHH", 8, 4, 0)),
    "encapsulated CANopen": framed(b"\x2b\x0d\x00"),
}


@pytest.fixture(scope="module")
def site(make_site, plc):
    """Three conduits to the device: the policy of `private` permits private function 90, `shared` shares one link."""
    conduits = {name: (plc.port, "enforce", NAMED.format(name)) for name in ("strict", "private")}
    shared = NAMED.format("strict").replace("[conduit.strict", "links = 1\n[conduit.shared")
    conduits["shared"] = (plc.port, "enforce", shared)
    files = {
        "strict.policy.toml": POLICY.format(private=22),
        "private.policy.toml": POLICY.format(private=90),
        "points.csv": POINTS,
    }
    return make_site(conduits, files)


def send_odd_then_forbidden(client, odd, *, apart):
    """Send both and a good read; return the answers to the two, by transaction identifier; none where it is closed."""
    asked = [client.framed(pdu) for pdu in (*FORBIDDEN, READ)]
    if apart:
        for raw in (odd, *asked):
            client.send(raw)
    else:
        client.send(odd + b"".join(asked))
    client.finished()
    answers = {}
    while (answer := client.receive()) is not None:
        answers[answer[:2]] = answer
    return [answers.get(raw[:2]) for raw in asked]


FRAMES = {name for name, raw in ODD.items() if raw[2:4] == b"\0\0" and 2 <= int.from_bytes(raw[4:6]) == len(raw) - 6}
"""What is odd as a request, but a frame of this protocol: there the connection lives."""
FEW = [name for name in ODD if name not in {f"function {number}" for number in range(130, 255)}]


@pytest.mark.parametrize(
    ("conduit", "apart", "name"),
    [("strict", True, name) for name in ODD]
    + [(conduit, False, name) for conduit in ("strict", "shared") for name in FEW],
)
def test_what_follows_an_odd_first_request_is_inspected(site, plc, connect, conduit, apart, name):
    before = plc.arrived()
    with connect(site.ports[conduit]) as client:
        answers = send_odd_then_forbidden(client, ODD[name], apart=apart)
    for pdu, answer in zip(FORBIDDEN, answers, strict=False):
        assert answer is None or bytes([pdu[0] | 0x80, 3]) == answer[7:]
    if answers[0] is not None:
        assert b"\x03\x02\x00\x00" == answers[-1][7:]
    assert answers[0] is not None or name not in FRAMES
    assert {READ} >= {raw[7:] for raw in plc.arrived()[len(before) :]}


def test_a_permitted_private_function_first_switches_nothing_off(site, plc, connect):
    before = plc.arrived()
    private = b"\x5a\x00\x00\x0c\x23\x28"
    with connect(site.ports["private"]) as client:
        assert b"\xda\x01" == client.ask(private)  # the device's own word on it
        for pdu in FORBIDDEN:
            assert bytes([pdu[0] | 0x80, 3]) == client.ask(pdu)
        assert b"\x03\x02\x00\x00" == client.ask(READ)
    assert [private, READ] == [raw[7:] for raw in plc.arrived()[len(before) :]]


def test_an_odd_first_request_byte_by_byte(site, plc, connect):
    before = plc.arrived()
    with connect(site.port) as client:
        for byte in ODD["function 90 with data"] + client.framed(FORBIDDEN[0]):
            client.send(bytes([byte]))
        assert b"\xda" == client.receive()[7:8]
        assert b"\x86\x03" == client.receive()[7:]
        assert b"\x03\x02\x00\x00" == client.ask(READ)
    assert [READ] == [raw[7:] for raw in plc.arrived()[len(before) :]]
