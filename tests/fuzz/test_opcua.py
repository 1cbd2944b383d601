"""Mutated OPC UA bytes through framing, channel, codec, refusals: no promise broken, none slow, no memory kept."""

import os
import random
import runpy
import time
import tracemalloc
from pathlib import Path

import pytest

from icsguard.core.defect import Defect
from icsguard.protocols.opcua.asymmetric import OpenPart, SealOpen, UnsealOpen, verified
from icsguard.protocols.opcua.certificates import certificate_of
from icsguard.protocols.opcua.channel import Asked, Channel, Role
from icsguard.protocols.opcua.chunks import Whole
from icsguard.protocols.opcua.defects import DEFECTS
from icsguard.protocols.opcua.describe import describe, target
from icsguard.protocols.opcua.handshake import Hello, acknowledge, error, greeting, parse_greeting
from icsguard.protocols.opcua.headers import REQUEST_HEADER, RequestHeader, ResponseHeader
from icsguard.protocols.opcua.meaning import meaning, observations
from icsguard.protocols.opcua.messages_session import OpenRequest
from icsguard.protocols.opcua.passthrough import Watch
from icsguard.protocols.opcua.refuse import can_split, fault, splice, split
from icsguard.protocols.opcua.security import NONE, POLICIES
from icsguard.protocols.opcua.services import (
    SERVICES,
    build_request,
    build_response,
    message,
    parse_request,
    parse_response,
)
from icsguard.protocols.opcua.sessions import Sessions
from icsguard.protocols.opcua.uacp import MAX_PENDING, OPEN, Framer

INPUTS = int(os.environ.get("ICSGUARD_FUZZ_INPUTS", "20000"))
samples = runpy.run_path(str(Path(__file__).parent.parent / "protocols" / "opcua" / "conftest.py"))
made, Dice = samples["made"], samples["Dice"]
RARE = {"codec-string", "codec-depth", "codec-nested"}  # found in the vectors; a mutation seldom makes them
LAWS = [law for law in SERVICES.values() if law.request is not None]


def mutated(rng, raw):
    """Return bytes with some changed, cut out, doubled or put in."""
    out = bytearray(raw)
    for _ in range(rng.choice([0, 1, 1, 2, 5])):
        at = rng.randrange(len(out) + 1)
        kind = rng.randrange(5)
        if kind == 0 and at < len(out):
            out[at] = rng.choice([0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)])
        elif kind == 1:
            del out[at : at + rng.choice([1, 4, 40])]
        elif kind == 2:
            out[at:at] = rng.choice([b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f", b"\xfe\xff\xff\xff", rng.randbytes(3)])
        elif kind == 3:
            out[at : at + 4] = rng.choice([b"\xff\xff\xff\x7f", b"\0\0\1\0", b"\x98\1\0\0"])
        else:
            out[at:at] = out[at : at + 16]
    return bytes(out)


@pytest.fixture(scope="module")
def pool():
    """Sound messages: (request body, response body) of every service, some of each."""
    found = []
    for law in LAWS:
        for seed in range(4):
            rng = Dice(f"{law.name} {seed}")
            asked = message(law.number, REQUEST_HEADER, made(rng, RequestHeader), made(rng, law.request))
            found.append((asked, build_response(law.number, made(rng, ResponseHeader), made(rng, law.response))))
    return found


def known(found):
    assert found is None or found.code in DEFECTS
    return found


def check_messages(rng, pool, sessions, seen):
    asked, answer = (mutated(rng, raw) for raw in rng.choice(pool)[:: rng.choice([1, 1, 1, -1])])
    request, response = parse_request(asked), parse_response(answer)
    for parsed in (request, response):
        seen.add(known(parsed.defect).code if parsed.defect else "sound")
        assert parsed.defect is None or parsed.body is None
    assert describe(request).isprintable()
    assert target(request).isprintable()
    assert parse_response(fault(request, 0x80070000, 0)).defect is None
    touched = meaning(request)
    assert request.defect is None or not touched.nodes
    observations(request, response)
    sessions.answered(request, response)
    if can_split(request):
        parts = split(request, {0: 0x801F0000, 2: 0x801F0000})
        assert not parts.forward or parse_request(parts.forward).defect is None
        spliced = splice(parts, answer)
        assert isinstance(spliced, bytes) or known(spliced)


def check_stream(rng, streams, seen):
    stream = mutated(rng, rng.choice(streams))
    whole, cut, watch = Framer(), Framer(), Watch()
    frames, at = whole.feed(stream), rng.randrange(len(stream) + 1)
    assert [frame.raw for frame in frames] == [f.raw for part in (stream[:at], stream[at:]) for f in cut.feed(part)]
    assert whole.fatal == cut.fatal
    assert whole.pending == cut.pending <= MAX_PENDING
    seen.add(known(whole.fatal).code if whole.fatal else "framed")
    for frame in frames:
        if frame.kind in {b"HEL", b"ACK", b"ERR", b"RHE"}:
            parse_greeting(frame)
        elif frame.kind == OPEN:
            known(watch.opened(frame, from_client=True))
            found = UnsealOpen(frame, None).run()
            if isinstance(found, OpenPart):
                asked = Channel(Role.SERVER).asked(found)
                assert isinstance(asked, Asked) or known(asked)
        else:
            body = watch.seen(frame, from_client=True)
            assert body is None or isinstance(body, Whole) or known(body).fatal


@pytest.fixture(scope="module")
def streams(pool):
    opened = build_request(RequestHeader(), OpenRequest(0, 0, 1, None, 60_000))
    head = greeting(Hello(0, 65536, 65536, 0, 0, "opc.tcp://plc:4840"))
    made = [head + SealOpen(0, NONE, 1, 1, opened).run(), greeting(acknowledge(Hello(0, 65536, 65536, 0, 0, None)))]
    made.append(error(0x801F0000, "no") + head)
    for asked, _ in pool[::9]:
        half = len(asked) // 2
        rest = b"\7\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0"
        made.append(_chunk(b"MSGC", rest + asked[:half]) + _chunk(b"MSGF", rest + asked[half:]))
    return made


def _chunk(kind, rest):
    return kind + (8 + len(rest)).to_bytes(4, "little") + rest


def test_no_input_breaks_a_promise_or_is_slow(pool, streams):
    rng, sessions, seen, slowest = random.Random(1), Sessions(), set(), 0.0
    for _ in range(INPUTS // 4):
        started = time.process_time()
        check_messages(rng, pool, sessions, seen)
        check_stream(rng, streams, seen)
        slowest = max(slowest, time.process_time() - started)
    assert (
        slowest < 0.5
    )  # seconds of CPU for one pair of messages and one stream; a collection of all memory may fall in
    assert {"sound", "framed", "uacp-type", "uacp-chunk", "uacp-length"} <= seen
    assert {code for code in DEFECTS if code.startswith(("codec-", "service-"))} - RARE <= seen


def test_no_input_leaves_memory_behind(pool, streams):
    rng, sessions = random.Random(3), Sessions()
    held = []
    tracemalloc.start()
    for _ in range(2):
        for _ in range(400):
            check_messages(rng, pool, sessions, set())
            check_stream(rng, streams, set())
        held.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    assert held[1] - held[0] < 1 << 19


def test_a_message_that_promises_much_takes_little_memory():
    body = build_request(RequestHeader(), OpenRequest(0, 0, 1, None, 1))[:-12]
    hostile = [
        b"\1\0\xa1\2" + body[4:30] + b"\0\0\0" + b"\xff\xff\xff\x7f",
        b"\1\0\x77\2" + bytes(200) + b"\xff\xff\xff\x7f" * 100,
        b"\1\0\xc8\2" + bytes(26) + b"\xff" * 4 + bytes(7) + b"\0\0\1\0" + bytes(70_000),
    ]
    tracemalloc.start()
    for raw in hostile:
        parse_request(raw)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 24


def test_one_link_before_authentication_holds_less_than_a_mebibyte():
    framer, channel = Framer(), Channel(Role.SERVER)
    piece = (b"MSGC" + (60_000).to_bytes(4, "little") + bytes(59_992))[:4096]
    chunk = [piece[:4096]] + [bytes(4096)] * 13 + [bytes(60_000 - 14 * 4096)]
    tracemalloc.start()
    for _ in range(40):
        for part in chunk:
            assert {"channel-closed"} >= {channel.receive(frame, 0).code for frame in framer.feed(part)}
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert framer.fatal is None
    assert peak < 1 << 20


def test_a_chunk_of_random_changes_never_passes_a_signature():
    identity = samples["identity"]()
    peer = certificate_of(identity.certificate)
    policy = next(law for law in POLICIES.values() if law.secures)
    raw = SealOpen(0, policy, 1, 1, b"body", identity, peer).run()
    rng = random.Random(2)
    for _ in range(200):
        stream = mutated(rng, raw)
        for frame in Framer().feed(stream):
            found = UnsealOpen(frame, identity).run() if frame.kind == OPEN else None
            assert found is None or frame.raw == raw or known(found)


def test_no_changed_certificate_raises():
    sound = samples["identity"]().certificate
    rng, seen = random.Random(4), {"defect": 0, "read": 0}
    policy = next(law for law in POLICIES.values() if law.secures)
    for turn in range(4000):
        raw = bytearray(sound)
        for _ in range(rng.choice([1, 1, 2, 3])):
            raw[rng.randrange(4, len(raw))] = rng.choice([0, 1, 2, 3, 6, 0x30, 0x7F, 0x80, 0xFF, rng.randrange(256)])
        found = certificate_of(bytes(raw))
        seen["defect" if isinstance(found, Defect) else "read"] += 1
        if isinstance(found, Defect):
            assert "channel-certificate" == known(found).code
        elif turn % 10 == 0:
            assert not verified(found.key, policy, bytes(found.key_bytes), b"data")
    assert min(seen.values()) > 400
