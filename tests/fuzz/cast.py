"""Who talks in a dialogue: what clients ask, and what a device answers, well or badly."""

import random

import mutate
import seeds
import settings_pool as pool

from icsguard.protocols.modbus import build
from icsguard.protocols.modbus.mbap import readdressed


class Material:
    """Sound and hurt ADUs to talk with."""

    def __init__(self, seed, number):
        rng = mutate.np.random.default_rng([seed, *b"dialogues", number])
        self.sound = seeds.request_pdus()
        self.answers = {pdu: seeds.answer_pdu(pdu, random.Random(f"{seed} {number}")) for pdu in self.sound}
        self.hurt_requests = _hurt(rng, mutate.Seeds(self.sound), 4096)
        self.hurt_answers = _hurt(rng, mutate.Seeds([pdu for pdu in self.answers.values() if pdu]), 1024)


def _hurt(rng, sound, count):
    strings, _ = sound.draw(rng, count)
    mutate.scatter(rng, strings)
    mutate.frame(rng, strings)
    honest = slice(0, count * 4 // 5)  # most have a sound header: a lost stream ends the talk
    kept = strings.rows[honest, :6].copy()
    mutate.hurt(rng, strings, head=20)
    strings.clip(8, 260)
    strings.rows[honest, :4] = kept[:, :4]
    strings.rows[honest, 4] = (strings.sizes[honest] - 6) >> 8
    strings.rows[honest, 5] = (strings.sizes[honest] - 6) & 0xFF
    return strings.cut()


class Asking:
    """Makes what clients send. Calm ones send mostly the same reads: how a plant talks, and the hot path's traffic."""

    def __init__(self, rng, material, *, is_calm):
        self._rng, self._material, self._is_calm = rng, material, is_calm
        self._favourites = [build.read(rng.choice((1, 3, 3)), rng.randrange(24), 1 + n) for n in range(3)]
        self._favourites.append(build.read(3, 95, 60))
        self._few_tids = rng.random() < 0.5
        self._tid = 0

    def some(self):
        """Return one to five requests in a row, rarely very many."""
        rng = self._rng
        many = 1 if self._is_calm else rng.choice((1, 1, 1, 1, 2, 3, 5)) if rng.random() < 0.995 else 90
        return b"".join(self.one() for _ in range(many))

    def one(self):
        """Return one request."""
        rng = self._rng
        kind = rng.random() * (0.5 if self._is_calm and rng.random() < 0.8 else 1)
        self._tid = rng.randrange(3) if self._few_tids else (self._tid + 1) & 0xFFFF
        if kind < 0.45:
            return build.adu(self._tid, 17, rng.choice(self._favourites))
        if kind < 0.65:
            address = rng.choice((100, 110, 120, 130, 145, pool.ASKED, pool.ASKED, 155, rng.randrange(256)))
            value = 5 if address == pool.ASKED else rng.choice((0, 5, 300, 900, 5000))
            return build.adu(self._tid, 17, build.write_register(address, value))
        if kind < 0.67:
            return build.adu(self._tid, 17, build.read(2, 3, 2))
        if kind < 0.75:
            return build.adu(self._tid, rng.choice(pool.UNITS), rng.choice(self._material.sound))
        raw = rng.choice(self._material.hurt_requests)
        return readdressed(raw, tid=self._tid, unit=17) if rng.random() < 0.8 else raw


class Answering:
    """Makes what a device sends."""

    def __init__(self, rng, material, *, is_calm):
        self._rng, self._material, self._is_calm = rng, material, is_calm

    def some(self, owed):
        """Return one to four answers in a row."""
        many = 1 if self._is_calm else self._rng.choice((1, 1, 1, 2, 4))
        return b"".join(self.one(owed) for _ in range(many))

    def one(self, owed):
        """Answer the oldest of the requests that are owed an answer, or another one, or what nobody asked."""
        rng = self._rng
        if not owed or rng.random() < (0.004 if self._is_calm else 0.04):
            return rng.choice(self._material.hurt_answers)
        asked = owed[0] if rng.random() < 0.8 else rng.choice(owed)
        if rng.random() < 0.95:
            owed.remove(asked)
        pdu, tid, unit = self._pdu(asked[7:]), int.from_bytes(asked[:2]), asked[6]
        kind = rng.random() * (4 if self._is_calm else 1)
        if kind < 0.08:
            pdu = bytes((asked[7] | 0x80, rng.choice((1, 2, 3, 4, 5, 6, 11, 0, 77))))
        elif kind < 0.16:
            pdu = (rng.choice(self._material.hurt_answers)[7:] or pdu)[:253]
        elif kind < 0.2:
            tid = rng.randrange(4)
        elif kind < 0.22:
            unit ^= 1
        elif kind < 0.24:
            pdu = (pdu + b"\0" if rng.random() < 0.5 else pdu[:-1])[:253] or b"\0"
        return build.adu(tid, unit, pdu)

    def _pdu(self, pdu):
        if pdu in self._material.answers:
            return self._material.answers[pdu] or pdu
        if pdu[0] in {1, 3} and len(pdu) == 5:
            count = int.from_bytes(pdu[3:5])
            size = min((count + 7) // 8 if pdu[0] == 1 else 2 * count, 250)
            return bytes((pdu[0], size)) + bytes(size)
        return pdu[:5] if pdu[0] in {15, 16} else pdu


class Line:
    """One connection to the device, as the shell and the device see it."""

    def __init__(self):
        self.state = "down"
        self.owed = []
        """Requests that the device has and did not answer."""
        self.rest = b""
        """What the device began to send."""
        self.is_aligned = True
        """Each piece from the device began where a frame begins."""

    def hang_up(self):
        """Forget all: the connection is gone."""
        self.state, self.owed, self.rest, self.is_aligned = "down", [], b"", True

    def is_one_frame(self, data):
        """Say whether `data` is one frame, and all before it were."""
        self.is_aligned &= len(data) > 6 and len(data) == 6 + int.from_bytes(data[4:6])
        return self.is_aligned
