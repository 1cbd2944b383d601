"""Framing: any chopping of any stream gives the frames that a plain reading of its headers gives."""

from typing import NamedTuple

import law
import mutate
import numpy as np
import seeds
from batches import BATCH, generator

from icsguard.protocols.modbus import build
from icsguard.protocols.modbus.codec import MODBUS
from icsguard.protocols.modbus.functions import service_name
from icsguard.protocols.modbus.mbap import MAX_PENDING, Framer, whole
from icsguard.protocols.modbus.meaning import describe, meaning, target
from icsguard.protocols.modbus.pdu import parse_request
from icsguard.protocols.modbus.refuse import refuse
from icsguard.protocols.modbus.services import ServiceId, parse_service

BYTEWISE = 32  # of so many streams one is also fed byte by byte, and its frames asked for all that the registry knows


def framed(stream, cuts):
    """Cut the stream, frame it, and hold the framer to its bound."""
    framer, frames, start = Framer(), [], 0
    for end in (*cuts, len(stream)):
        frames += framer.feed(stream[start:end])
        start = end
        assert framer.pending <= MAX_PENDING, "the framer holds too much"
    return frames, framer


class Stream(NamedTuple):
    """A few ADUs, most of them hurt, and where the stream is cut."""

    raw: bytes
    cuts: list[int]
    bytewise: bool


class Framing:
    """Any chopping gives the same frames, and they are what the header's law says."""

    name = "framing"

    def __init__(self, seed):
        self.seed = seed
        self._sound = mutate.Seeds(seeds.request_pdus())

    def batch(self, number):
        rng = generator(self.seed, self.name, number)
        strings, _ = self._sound.draw(rng, BATCH)
        mutate.frame(rng, strings)
        honest = rng.random(BATCH) < 0.4  # a stream that is lost at once shows nothing of what comes after
        kept, lengths = strings.rows[honest, :6].copy(), strings.sizes[honest]
        mutate.hurt(rng, strings, head=6)
        strings.rows[honest, :6], strings.sizes[honest] = kept, lengths
        adus = strings.cut()
        groups = rng.integers(1, 4, BATCH)
        cuts = rng.random((BATCH, 3))
        bytewise = (rng.integers(0, BYTEWISE, BATCH) == 0).tolist()
        starts = np.minimum(rng.permutation(BATCH), BATCH - 4).tolist()
        found = []
        for start, many, shares, bytes_too in zip(starts, groups.tolist(), cuts.tolist(), bytewise, strict=True):
            raw = b"".join(adus[start : start + many])
            found.append(Stream(raw, sorted(int(share * len(raw)) for share in shares[:many]), bytes_too))
        return found

    def check(self, stream, seen):
        raw, cuts, bytewise = stream
        frames, framer = framed(raw, ())
        adus, left, lost = law.frames(raw)
        assert [found.raw for found in frames] == adus, "not the frames that the headers announce"
        assert (framer.pending, framer.fatal is not None) == (left, lost), "not the end that the headers announce"
        for chopped in (cuts, range(1, len(raw))) if bytewise else (cuts,):
            others, other = framed(raw, chopped)
            assert frames == others, "another chopping, other frames"
            assert (framer.fatal, framer.pending) == (other.fatal, other.pending), "another chopping, another end"
        for found in frames:
            again = found.defect is not None or build.adu(found.tid, found.unit, found.pdu) == found.raw
            assert again, "the frame written again is another"
            assert whole(found.raw) == (found.defect is None), "a whole frame is none"
            if bytewise:
                check_registered(found)
        seen["lost" if lost else "rest" if left else "whole"] += 1

    def show(self, stream):
        return stream.raw.hex()


def check_registered(found):
    """What the registry says of a frame is what its codec says."""
    request = parse_request(found.unit, found.pdu)
    assert MODBUS.meaning(found.raw) == meaning(request), "another meaning"
    assert MODBUS.defect(found.raw) == (found.defect or request.defect), "another defect"
    assert (MODBUS.describe(found.raw), MODBUS.target(found.raw)) == (describe(request), target(request)), "other words"
    assert MODBUS.refuse(found.raw, 4) == refuse(found, 4), "another refusal"
    if request.sub < 0 or request.function in {8, 43}:
        service = ServiceId(request.function, request.sub)
        assert service_name(service), "a service without a name"
        if 0 < request.function < 128:
            assert parse_service(str(service)) == service, "a service that cannot be written"
