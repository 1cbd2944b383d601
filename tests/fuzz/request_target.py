"""Requests: taken exactly where the law takes them, answered as the law answers, and written again the same."""

from typing import NamedTuple

import law
import mutate
import seeds
from batches import BATCH, QUIRK_SETS, generator

from icsguard.protocols.modbus import build
from icsguard.protocols.modbus.mbap import whole
from icsguard.protocols.modbus.meaning import answer_due, changes_plant, describe, meaning, target
from icsguard.protocols.modbus.messages import Request
from icsguard.protocols.modbus.pdu import parse_request, parse_response
from icsguard.protocols.modbus.quirks import LONG_FILES
from icsguard.protocols.modbus.refuse import refuse

DEEP = 4  # of so many requests one is followed to its meaning, its lines and its refusal


class Ask(NamedTuple):
    """A request PDU, to whom, under which quirks, and the exception code that the law owes it."""

    unit: int
    pdu: bytes
    quirks: frozenset[str]
    due: int
    deep: bool


class Requests:
    """A request is taken exactly where the law takes it, and written again it is the same."""

    name = "requests"

    def __init__(self, seed):
        self.seed = seed
        self._sound = mutate.Seeds(seeds.request_pdus())

    def batch(self, number):
        rng = generator(self.seed, self.name, number)
        strings, _ = self._sound.draw(rng, BATCH)
        mutate.scatter(rng, strings)
        mutate.hurt(rng, strings)
        strings.clip(1, 253)
        quirks = QUIRK_SETS[number % len(QUIRK_SETS)]
        due = law.requests(strings.rows, strings.sizes, long_files=LONG_FILES in quirks)
        units = rng.integers(0, 256, BATCH).tolist()
        deep = (rng.integers(0, DEEP, BATCH) == 0).tolist()
        return [Ask(*ask) for ask in zip(units, strings.cut(), [quirks] * BATCH, due, deep, strict=True)]

    def check(self, ask, seen):
        unit, pdu, quirks, due, deep = ask
        request = parse_request(unit, pdu, quirks)
        breach = request.defect
        assert request.pdu is pdu, "the request lost its bytes"
        if breach is None:
            assert due == law.SOUND, f"taken, although the law answers {due}"
            written = encoded(request)
            assert written is None or written == pdu, "written again it is another request"
            seen["sound"] += 1
        else:
            assert breach.reply == due, f"{breach.code} answered {breach.reply}, the law answers {due}"
            assert not request.accesses, "a defective request touches something"
            assert not request.changes, "a defective request changes something"
            seen[breach.code] += 1
        if deep:
            check_meaning(request, quirks)

    def show(self, ask):
        return f"unit {ask.unit} {','.join(sorted(ask.quirks)) or 'no quirks'} {ask.pdu.hex()}"


def encoded(request):
    """Write a sound request again from its meaning alone; None where it has padding bits or bytes of no meaning."""
    function, sub, _, accesses, changes, extra, _, remark, _ = request
    if remark is not None:
        return None
    if function in {1, 2, 3, 4}:
        span = accesses[0].span
        return build.read(function, span.first, span.count)
    if function in {5, 6}:
        _, start, (value,), _ = changes[0]
        return build.write_register(start, value) if function == 6 else build.write_coil(start, on=bool(value))
    if function in {15, 16}:
        _, start, values, _ = changes[0]
        return build.write_coils(start, values) if function == 15 else build.write_registers(start, values)
    if function == 22:
        _, start, (put,), keep = changes[0]
        return build.mask_write(start, keep, put)
    if function == 23:
        span = accesses[1].span
        return build.read_write(span.first, span.count, changes[0].start, changes[0].values)
    if function == 24:
        return build.read_fifo(accesses[0].span.first)
    return _rarely(function, sub, accesses, extra)


def _rarely(function, sub, accesses, extra):
    if function in {7, 11, 12, 17}:
        return build.bare(function)
    if function == 8:
        return build.diagnostic(sub, extra)
    if function == 43:
        return build.encapsulated(sub, extra)
    if function == 20:
        parts = [build.FilePart(access.file, access.span.first, access.span.count) for access in accesses]
        return build.read_files(parts)
    return None if function == 21 else build.private(function, extra)  # the words of a file stay opaque


def check_meaning(request: Request, quirks):
    """A request has a meaning, a line, and a refusal that answers it."""
    for access in request.accesses:
        assert 0 <= access.span.first <= access.span.last <= 0xFFFF, "an access beyond its table"
    wanted = meaning(request)
    assert not request.changes or changes_plant(wanted), "a write that changes nothing"
    assert answer_due(request, serial=False) or request.sub == 4, "no answer due"
    assert not (answer_due(request, serial=True) and request.unit == 0), "a broadcast is answered"
    assert (describe(request) + target(request)).isprintable(), "a line that hurts a terminal"
    refusal = refuse(build.adu(7, request.unit, request.pdu), 3)
    assert whole(refusal), "a refusal that is no frame"
    answer = parse_response(request, refusal[7:], quirks)
    assert (answer.exception, answer.defect) == (3, None), "a refusal that answers nothing"
