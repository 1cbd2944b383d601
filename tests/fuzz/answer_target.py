"""Answers: taken exactly where the law takes them, proving only what was asked, and written again the same."""

from typing import NamedTuple

import law
import mutate
import numpy as np
import seeds
from batches import BATCH, QUIRK_SETS, generator

from icsguard.core.meaning import Table
from icsguard.protocols.modbus import build
from icsguard.protocols.modbus.defects import DEFECTS
from icsguard.protocols.modbus.meaning import observations
from icsguard.protocols.modbus.messages import Request
from icsguard.protocols.modbus.pdu import parse_request, parse_response
from icsguard.protocols.modbus.quirks import LONG_FILES


class Answer(NamedTuple):
    """A request, a device's PDU that pretends to answer it, and the quirks granted to that device."""

    request: Request
    pdu: bytes
    quirks: frozenset[str]


class Answers:
    """An answer is taken exactly where the law takes it, and proves only what was asked."""

    name = "answers"

    def __init__(self, seed):
        self.seed = seed

    def batch(self, number):
        rng = generator(self.seed, self.name, number)
        pairs = seeds.dialogues(f"{self.seed} {number}", 96)
        asked = [parse_request(17, pdu, frozenset({LONG_FILES})) for pdu, _ in pairs]
        strings, chosen = mutate.Seeds([answer for _, answer in pairs]).draw(rng, BATCH)
        refilled = rng.random(BATCH) < 0.3
        strings.rows[refilled, 2:] = rng.integers(0, 256, (int(refilled.sum()), mutate.WIDTH - 2), np.uint8)
        failed = rng.random(BATCH) < 0.15
        strings.rows[failed, 0] |= 0x80
        strings.sizes[failed] = 2
        mutate.hurt(rng, strings)
        strings.clip(1, 253)
        quirks = QUIRK_SETS[number % len(QUIRK_SETS)]
        pdus = strings.cut()
        return [Answer(asked[which], pdu, quirks) for which, pdu in zip(chosen.tolist(), pdus, strict=True)]

    def check(self, answer, seen):
        request, pdu, quirks = answer
        response = parse_response(request, pdu, quirks)
        lawful = law.answers(request.pdu, pdu)
        if not quirks:
            assert lawful == (response.defect is None), f"lawful is {lawful}, {response.defect}"
        if response.defect is not None:
            assert not lawful, f"a lawful answer is called {response.defect.code}"
            assert response.defect.code in DEFECTS, "a defect of no law"
            assert response.values is None, "a defective answer has values"
            assert observations(request, response) == [], "a defective answer proves something"
            seen[response.defect.code] += 1
            return
        seen["exception" if response.exception else "answered"] += 1
        written = rewritten(request, response) if lawful else None
        assert written is None or written == pdu, "written again it is another answer"
        for table, first, values in observations(request, response):
            assert not response.exception, "an exception proves something"
            assert values, "an observation of nothing"
            assert any(table is run.table and run.span.first == first for run in request.accesses), "not asked for"
            assert table is not Table.FILE, "a file is no table of elements"

    def show(self, answer):
        return f"{answer.request.pdu.hex()} < {','.join(sorted(answer.quirks)) or 'no quirks'} {answer.pdu.hex()}"


def rewritten(request, response):
    """Write a sound answer again from its values; None where it holds more than values."""
    function = request.function
    if response.exception:
        return build.exception(function, response.exception)
    if response.remark is not None or function in {7, 11, 12, 17, 43} or function > 24:
        return None
    if function == 8 and request.sub not in {0, 1, 3, 10, 20}:
        return None
    return build.answer(request, response.values or ())
