"""RTU over TCP: what comes out of the framer is what went in with a right check sum, however it is chopped."""

import random
from typing import NamedTuple

import mutate
import seeds
from batches import generator

from icsguard.protocols.modbus.mbap import frame
from icsguard.protocols.modbus.rtu import MAX_FRAME, RtuFramer, can_frame, crc16, encode

SIZE = 1024


class Reply(NamedTuple):
    """A request PDU, what comes back on the wire, where it is cut, and the answer if nothing hurt it."""

    asked: bytes
    wire: bytes
    cuts: list[int]
    sound: bytes | None


class Rtu:
    """Answers of serial devices, with right and wrong check sums and lengths."""

    name = "rtu"
    size = SIZE

    def __init__(self, seed):
        self.seed = seed

    def batch(self, number):
        rng = generator(self.seed, self.name, number)
        chance = random.Random(f"{self.seed} {self.name} {number}")
        pairs = [pair for pair in seeds.dialogues(f"{self.seed} rtu {number}", 96) if can_frame(pair[0])]
        strings, chosen = mutate.Seeds([bytes((17,)) + answer for _, answer in pairs]).draw(rng, SIZE)
        untouched = rng.random(SIZE) < 0.2
        kept, sizes = strings.rows[untouched].copy(), strings.sizes[untouched]
        mutate.hurt(rng, strings)
        strings.rows[untouched], strings.sizes[untouched] = kept, sizes
        strings.clip(1, mutate.WIDTH - 20)
        found = []
        for which, body, is_sound in zip(chosen.tolist(), strings.cut(), untouched.tolist(), strict=True):
            asked, answer = pairs[which]
            sum_of = body if is_sound or chance.random() < 0.7 else body[::-1]
            wire = body + crc16(sum_of) + (chance.randbytes(3) if not is_sound and chance.random() < 0.1 else b"")
            cuts = sorted(chance.randrange(len(wire) + 1) for _ in range(chance.randrange(4)))
            due = answer if is_sound and asked[:3] != b"\x08\0\x04" else None
            found.append(Reply(asked, wire, cuts, due))
        return found

    def check(self, reply, seen):
        frames, fatal, pending = _framed(reply, ())
        for cuts in (reply.cuts, range(1, len(reply.wire))):
            others = _framed(reply, cuts)
            assert others[0] == frames, "another chopping, other frames"
            assert (others[1] is None) == (fatal is None), "another chopping, another end"
            assert fatal is not None or others[2] == pending, "another chopping, another rest"
        seen[fatal.code if fatal else "framed" if frames else "waits"] += 1
        assert len(frames) <= 1, "two answers to one request"
        if reply.sound is not None:
            assert [found.pdu for found in frames] == [reply.sound], "a sound answer is lost"
        for found in frames:
            assert (found.tid, found.defect) == (7, None), "another request's answer"
            assert reply.wire.startswith(encode(found.unit, found.pdu)), "a frame that was not sent"
            assert frame(found.raw) == found, "a frame that no TCP device would send"

    def show(self, reply):
        return f"{reply.asked.hex()} < {reply.wire.hex()} cut at {reply.cuts}"


def _framed(reply, cuts):
    framer, frames, start = RtuFramer(), [], 0
    framer.expect(7, reply.asked)
    for end in (*cuts, len(reply.wire)):
        if end > start:
            frames += framer.feed(reply.wire[start:end])
        start = end
        assert framer.pending <= MAX_FRAME, "the framer holds too much"
    return frames, framer.fatal, framer.pending
