"""Throws mutated Modbus streams at framing, codec, pairing and refusal, and counts what breaks a promise.

Seeded: the same seed and number of inputs give the same streams. Run it as a script (`--help`); `make fuzz` runs it
through its test. Each input is one stream; a failing one is printed in hex and can be given back with `--replay`.
"""

import argparse
import json
import os
import random
import resource
import sys
import time
from collections import Counter
from pathlib import Path

from icsguard.protocols.modbus import build
from icsguard.protocols.modbus.correlate import MAX_ENDED, Correlator, Pairing, Pending
from icsguard.protocols.modbus.defects import DEFECTS
from icsguard.protocols.modbus.mbap import MAX_ADU, MAX_PENDING, Framer, frame, whole
from icsguard.protocols.modbus.meaning import answer_due, changes_plant, describe, meaning, observations, target
from icsguard.protocols.modbus.pdu import parse_request, parse_response
from icsguard.protocols.modbus.quirks import QUIRKS
from icsguard.protocols.modbus.refuse import refuse

DEFAULT_INPUTS = 20_000
MAX_STREAM = 2_000  # bytes of one input
MAX_SHOWN = 5  # failures that are printed
EDGES = (0x00, 0x01, 0x02, 0x03, 0x06, 0x07, 0x7D, 0x7F, 0x80, 0x83, 0xF5, 0xFB, 0xFE, 0xFF)
QUIRK_SETS = (frozenset(), frozenset(QUIRKS), *(frozenset({name}) for name in QUIRKS))


def seeds():
    """Return sound PDUs of every function, at ordinary and at extreme sizes."""
    words = list(range(1, 124))
    part = build.FilePart(4, 7, 3, (1, 2, 3))
    return [
        *(build.read(function, 0, count) for function in (1, 2, 3, 4) for count in (1, 19, 125)),
        build.read(1, 65_530, 6),
        build.read(3, 65_530, 6),
        build.write_registers(65_534, [1, 2]),
        build.write_coil(172, on=True),
        build.write_register(100, 65535),
        *(build.bare(function) for function in (7, 11, 12, 17)),
        *(build.diagnostic(sub) for sub in (0, 1, 2, 3, 4, 10, 11, 18, 20)),
        build.write_coils(19, [1, 0] * 5),
        build.write_coils(0, [1] * 1968),
        build.write_registers(1, [10, 258]),
        build.write_registers(0, words),
        build.read_files([part, part]),
        build.read_files([part] * 30),
        build.write_files([part, part]),
        build.mask_write(4, 0x00F2, 0x0025),
        build.read_write(3, 6, 14, [255] * 3),
        build.read_write(0, 125, 0, words[:121]),
        build.read_fifo(1246),
        *(build.identification(code) for code in (1, 2, 3, 4)),
        build.encapsulated(13, b"\x00\x01"),
        build.private(90, b"\x00\x10\x00"),
        build.private(100),
    ]


class Mutator:
    """Makes streams out of sound ADUs by the errors that links, bugs and attackers make."""

    def __init__(self, rng):
        self.rng = rng
        self.seeds = seeds()
        self.errors = (self.flip, self.edge, self.word, self.cut, self.insert, self.drop, self.repeat, self.lie)

    def stream(self):
        """Return one input: a few ADUs, most of them hurt, sometimes plain noise."""
        rng = self.rng
        if rng.random() < 0.05:
            return rng.randbytes(rng.randrange(1, 300))
        adus = [self.adu() for _ in range(rng.choice((1, 1, 1, 2, 3, 5)))]
        return b"".join(adus)[:MAX_STREAM]

    def adu(self):
        rng = self.rng
        data = bytearray(build.adu(rng.getrandbits(16), rng.choice((0, 1, 17, 255)), rng.choice(self.seeds)))
        for _ in range(rng.choice((0, 1, 1, 2, 4))):
            rng.choice(self.errors)(data)
        if rng.random() < 0.5 and 6 < len(data) < 260:  # an honest header around a hurt PDU gets further
            data[2:6] = b"\0\0" + (len(data) - 6).to_bytes(2)
        return bytes(data)

    def place(self, data):
        return self.rng.randrange(len(data)) if data else 0

    def flip(self, data):
        if data:
            data[self.place(data)] ^= 1 << self.rng.randrange(8)

    def edge(self, data):
        if data:
            data[self.place(data)] = self.rng.choice(EDGES)

    def word(self, data):
        at = self.place(data)
        data[at : at + 2] = self.rng.choice((0, 1, 0x7FFF, 0xFFFF)).to_bytes(2)

    def cut(self, data):
        del data[self.place(data) :]

    def insert(self, data):
        at = self.place(data)
        data[at:at] = self.rng.randbytes(self.rng.randrange(1, 9))

    def drop(self, data):
        at = self.place(data)
        del data[at : at + self.rng.randrange(1, 9)]

    def repeat(self, data):
        at = self.place(data)
        data[at:at] = data[at : at + 16]

    def lie(self, data):
        if len(data) > 5:
            data[4:6] = self.rng.choice((0, 1, 2, 6, 254, 255, 256, 0xFFFF)).to_bytes(2)


def framed(stream, cuts):
    """Cut the stream, frame it, and hold the framer to its bound."""
    framer, frames, start = Framer(), [], 0
    for end in [*cuts, len(stream)]:
        frames += framer.feed(stream[start:end])
        start = end
        assert framer.pending <= MAX_PENDING, "framer holds too much"
    return frames, framer


def check_framing(stream, rng):
    """Any chopping gives the same frames, and they are the stream up to the first fatal defect."""
    frames, framer = framed(stream, [])
    cuts = sorted(rng.randrange(len(stream) + 1) for _ in range(rng.randrange(6)))
    for chopped in (cuts, range(1, len(stream))):
        others, other = framed(stream, chopped)
        assert frames == others, "another chopping, other frames"
        assert (framer.fatal, framer.pending) == (other.fatal, other.pending), "another chopping, another end"
    taken = b"".join(found.raw for found in frames)
    assert stream.startswith(taken), "frames are not the stream"
    assert framer.fatal or len(taken) + framer.pending == len(stream), "bytes got lost"
    return frames


def check_request(found, quirks):
    """A request has exactly one result, a meaning, a line, and a refusal that answers it."""
    request = parse_request(found.unit, found.pdu, quirks)
    assert request.pdu == found.pdu, "the request lost its bytes"
    if request.defect is not None:
        assert request.defect.reply == DEFECTS[request.defect.code].reply > 0, "a defect without an answer"
        assert not request.accesses, "a defective request touches something"
        assert not request.changes, "a defective request changes something"
    for access in request.accesses:
        assert 0 <= access.span.first <= access.span.last <= 0xFFFF, "an access beyond its table"
    wanted = meaning(request)
    assert not request.changes or changes_plant(wanted), "a write that changes nothing"
    assert isinstance(answer_due(request, serial=True), bool)
    assert (describe(request) + target(request)).isprintable(), "a line that hurts a terminal"
    refusal = refuse(found.raw, 3)
    assert whole(refusal), "a refusal that is no frame"
    answer = parse_response(request, refusal[7:], quirks)
    assert (answer.exception, answer.defect) == (3, None), "a refusal that answers nothing"
    return request


def check_response(request, pdu, quirks):
    """A response has exactly one result, and proves only what its request asked for."""
    response = parse_response(request, pdu, quirks)
    assert response.defect is None or (response.defect.code in DEFECTS and response.values is None), (
        "a response's defect"
    )
    for table, first, values in observations(request, response):
        assert values, "an observation of nothing"
        assert any(table is access.table and access.span.first == first for access in request.accesses), "not asked for"
    return response.defect.code if response.defect else "answered"


def answers(request, mutator):
    """Return a sound answer where one can be built, the same hurt, and noise."""
    rng = mutator.rng
    reads = sum(access.span.count for access in request.accesses if access.intent == "read")
    values = [1] * (reads if request.function != 24 else 3)
    try:
        sound = build.answer(request, values)
    except ValueError:
        sound = bytes([request.function]) + rng.randbytes(rng.randrange(12))
    hurt = bytearray(sound)
    rng.choice(mutator.errors)(hurt)
    return [sound, bytes(hurt[:253]), bytes([request.function | 0x80]) + rng.randbytes(rng.randrange(4))]


def check_pairing(found, request, pdus, link):
    """Each request leaves the link exactly once, whatever comes back."""
    pending = Pending(1, found.tid, found.unit, found.pdu[0], 10, request)
    assert link.add(pending), "an empty link is full"
    ended = []
    for pdu in pdus:
        if pdu:
            match = link.match(frame(build.adu(found.tid, found.unit, pdu)))
            assert (match.pairing is Pairing.MATCHED) == (match.defect is None), "a match with a defect"
            ended += [match.pending] if match.pending else []
    ended += link.expire(10)
    assert ended == [pending], "a request ended not exactly once"
    assert len(link) == 0, "a link keeps a request"
    assert len(link._ended) <= MAX_ENDED, "a link's memory grows"


def check(stream, mutator, link, seen):
    """Hold everything to its promise for one stream; AssertionError names the broken one. `seen` counts what came."""
    quirks = mutator.rng.choice(QUIRK_SETS)
    for found in check_framing(stream, mutator.rng):
        assert 8 <= len(found.raw) <= MAX_ADU, "a frame that cannot be"
        request = check_request(found, quirks)
        seen[request.defect.code if request.defect else "sound"] += 1
        pdus = answers(request, mutator)
        for pdu in pdus:
            seen[check_response(request, pdu, quirks)] += 1
        check_pairing(found, request, pdus, link)


def resident_kib():
    """Return the resident memory of this process."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() // 1024


def campaign(inputs, seed):
    """Run the campaign; return its figures and the failures as (hex, what)."""
    mutator, link = Mutator(random.Random(seed)), Correlator()
    failures, slowest, size, before, seen = [], 0.0, 0, 0, Counter()
    started = time.perf_counter()
    for number in range(inputs):
        stream = mutator.stream()
        size += len(stream)
        began = time.thread_time()
        try:
            check(stream, mutator, link, seen)
        except Exception as error:  # noqa: BLE001 - whatever is raised is what the campaign looks for
            failures.append((stream.hex(), f"{type(error).__name__}: {error}"))
        slowest = max(slowest, time.thread_time() - began)
        if number == inputs // 10:  # caches are warm: from here on nothing may grow
            before = resident_kib()
    seconds = time.perf_counter() - started
    figures = {
        "inputs": inputs,
        "seed": seed,
        "bytes": size,
        "seen": dict(sorted(seen.items())),
        "failures": len(failures),
        "inputs_per_second": round(inputs / seconds),
        "slowest_ms": round(slowest * 1000, 2),
        "growth_kib": resident_kib() - before,
    }
    return figures, failures


def main():
    """Run from the command line; exit status 1 if a promise was broken."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = int(os.environ.get("ICSGUARD_FUZZ_INPUTS", DEFAULT_INPUTS))
    parser.add_argument("--inputs", type=int, default=default, help="streams to try (ICSGUARD_FUZZ_INPUTS)")
    parser.add_argument("--seed", type=int, default=1, help="another seed gives other streams")
    parser.add_argument("--replay", metavar="HEX", help="try this one stream and let its error through")
    options = parser.parse_args()
    if options.replay:
        check(bytes.fromhex(options.replay), Mutator(random.Random(options.seed)), Correlator(), Counter())
        return 0
    figures, failures = campaign(options.inputs, options.seed)
    print(json.dumps(figures))  # noqa: T201 - the figures are its output
    for stream, what in failures[:MAX_SHOWN]:
        print(f"{what}\n  --replay {stream}", file=sys.stderr)  # noqa: T201 - likewise
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
