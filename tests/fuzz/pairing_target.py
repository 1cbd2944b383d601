"""Pairing: each request leaves a link exactly once, by an answer of its own, its deadline, or the link's end."""

import random
from collections import Counter
from typing import NamedTuple

import seeds
from batches import QUIRK_SETS

from icsguard.protocols.modbus import build
from icsguard.protocols.modbus.correlate import MAX_ENDED, Correlator, Pairing, Pending
from icsguard.protocols.modbus.mbap import frame, readdressed
from icsguard.protocols.modbus.messages import Request
from icsguard.protocols.modbus.pdu import parse_request
from icsguard.protocols.modbus.quirks import LONG_FILES


class Talk(NamedTuple):
    """What a link goes through: requests (PDU, identifier, unit, deadline) and device frames, in order."""

    quirks: frozenset[str]
    steps: list[tuple[int, ...]]
    requests: list[Request]
    pdus: list[bytes]


class Pairings:
    """Each request leaves the link exactly once, and only by an answer of its own, its deadline, or the link's end."""

    name = "pairing"
    size = 512

    def __init__(self, seed):
        self.seed = seed

    def batch(self, number):
        rng = random.Random(f"{self.seed} {self.name} {number}")
        pairs = seeds.dialogues(f"{self.seed} pairing {number}", 64)
        asked = [parse_request(rng.choice((0, 17, 255)), pdu, frozenset({LONG_FILES})) for pdu, _ in pairs]
        pdus = [answer for _, answer in pairs]
        for at in rng.sample(range(len(pdus)), 16):
            pdus[at] = bytes((pdus[at][0] | 0x80, rng.randrange(256)))
        return [Talk(rng.choice(QUIRK_SETS), _steps(rng, asked), asked, pdus) for _ in range(self.size)]

    def check(self, talk, seen):
        link = Correlator(limit=16, quirks=talk.quirks)
        flying, ended, now = {}, Counter(), 0
        for number, (what, which, tid, unit, wait) in enumerate(talk.steps):
            if what < 4:
                request = talk.requests[which]
                pending = Pending(number, tid, request.unit, request.function, now + wait, request)
                taken = link.add(pending)
                assert taken == (len(flying) < link.limit), "the link's bound does not hold"
                flying.update({number: pending} if taken else {})
            elif what < 8:
                raw = readdressed(build.adu(0, 0, talk.pdus[which]), tid=tid, unit=unit)
                over = _matched(link.match(frame(raw)), frame(raw), talk.quirks, seen)
                ended.update(over)
            else:
                now += wait
                over = link.expire(now) if what == 8 else link.drain()
                assert what == 9 or all(pending.deadline <= now for pending in over), "ended before its deadline"
                over = [pending.number for pending in over]
                ended.update(over)
            if what >= 4:
                for gone in over:
                    assert flying.pop(gone, None), "a request ended twice"
            assert len(link) == len(flying), "the link's count is wrong"
            assert len(link._ended) <= MAX_ENDED, "the link's memory grows"
        assert {pending.number for pending in link.drain()} == set(flying), "a request got lost"
        assert not link.next_deadline(), "an empty link has a deadline"

    def show(self, talk):
        return f"{sorted(talk.quirks)} {talk.steps}"


def _steps(rng, asked):
    """Make 4 to 40 steps: mostly answers to what was asked, some to something else, with time and ends between."""
    steps, open_ones = [], []
    for _ in range(rng.randrange(4, 40)):
        what, which, tid = rng.randrange(10), rng.randrange(64), rng.randrange(4)
        unit = rng.choice((0, 17))
        if what < 4:
            open_ones.append((which, tid, asked[which].unit))
        elif what < 8 and open_ones and rng.random() < 0.7:
            place = rng.randrange(len(open_ones))
            which, tid, unit = open_ones[place] if rng.random() < 0.3 else open_ones.pop(place)
        steps.append((what if what < 9 or rng.random() < 0.2 else 8, which, tid, unit, rng.randrange(1, 6)))
    return steps


def _matched(match, found, quirks, seen):
    pairing, pending, defect = match
    seen[f"pairing {pairing.name.lower()}"] += 1
    assert (pairing is Pairing.MATCHED) == (defect is None), "a match with a defect, or a stray without"
    assert (pending is not None) == (pairing in {Pairing.MATCHED, Pairing.MISMATCH}), "no partner, or one too many"
    if pairing is Pairing.MATCHED:
        assert pending.function == found.pdu[0] & 0x7F, "paired with another function"
        assert pending.unit == found.unit or "unit_not_echoed" in quirks, "paired with another unit"
        assert pending.tid == found.tid or "tid_not_echoed" in quirks, "paired with another identifier"
    return [pending.number] if pending is not None else []
