"""Mutated OPC UA bytes through framing, channel, codec, refusals: no promise broken, none slow, no memory kept."""

import gc
import os
import random
import runpy
import time
import tracemalloc
from collections import Counter
from pathlib import Path

import pytest

from icsguard.core.defect import Defect
from icsguard.protocols.opcua.asymmetric import SealOpen, UnsealOpen, verified
from icsguard.protocols.opcua.certificates import certificate_of
from icsguard.protocols.opcua.channel import Channel, Role
from icsguard.protocols.opcua.defects import DEFECTS
from icsguard.protocols.opcua.headers import RequestHeader
from icsguard.protocols.opcua.messages_session import OpenRequest
from icsguard.protocols.opcua.security import POLICIES
from icsguard.protocols.opcua.services import (
    build_request,
    parse_request,
)
from icsguard.protocols.opcua.uacp import OPEN, Framer

INPUTS = int(os.environ.get("ICSGUARD_FUZZ_INPUTS", "20000"))
targets = runpy.run_path(str(Path(__file__).parent / "opcua_target.py"))
samples, mutated, known = targets["samples"], targets["mutated"], targets["known"]
RARE = {"codec-string", "codec-depth", "codec-nested"}  # found in the vectors; a mutation seldom makes them
LEAST = {
    "UaMessages": {"sound", *(code for code in DEFECTS if code.startswith(("codec-", "service-")))} - RARE,
    "UaStreams": {"framed", "uacp-type", "uacp-chunk", "uacp-length"},
    "UaChannels": {"whole", "held", "channel-signature", "channel-ciphertext", "channel-sequence", "channel-id"},
}
"""What a short run must have met, so that it is known to reach somewhere."""


def checked(target, count):
    """Check inputs of a target; return what was seen, and the CPU seconds of the slowest."""
    seen, slowest = Counter(), 0.0
    for number in range(-(-count // target.size)):
        for one in target.batch(number):
            started = time.process_time()
            target.check(one, seen)
            slowest = max(slowest, time.process_time() - started)
    return seen, slowest


@pytest.fixture
def without_collections():
    """Keep collections out of what is timed: in a whole test run one of them takes longer than any input may."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("without_collections")
@pytest.mark.parametrize("name", ["UaMessages", "UaStreams", "UaChannels"])
def test_no_input_breaks_a_promise_or_is_slow(name):
    seen, slowest = checked(targets[name](1), INPUTS // 4)
    assert slowest < 0.5  # seconds of CPU for one input; the slowest take 1 ms
    assert LEAST[name] <= set(seen)


def test_no_input_leaves_memory_behind():
    held = []
    kinds = [targets[name] for name in ("UaMessages", "UaStreams", "UaChannels")]
    for kind in kinds:
        checked(kind(3), 1)
    tracemalloc.start()
    for _ in range(2):
        for kind in kinds:
            checked(kind(3), 1)
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
