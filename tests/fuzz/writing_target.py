"""Writing: the encoders write what the law takes and what was meant, or raise ValueError, whatever they are given."""

import random

from icsguard.protocols.modbus import build
from icsguard.protocols.modbus.pdu import parse_request, parse_response
from icsguard.protocols.modbus.quirks import LONG_FILES, NO_QUIRKS

EDGES = (-1, 0, 1, 2, 7, 121, 122, 123, 124, 125, 126, 255, 256, 1968, 1969, 2000, 2001, 65_530, 65_535, 65_536)


class Writing:
    """Encoders with numbers in and out of their law."""

    name = "writing"
    size = 2048

    def __init__(self, seed):
        self.seed = seed

    def batch(self, number):
        arguments = Arguments(random.Random(f"{self.seed} {self.name} {number}"))
        calls = [arguments.rng.choice(CALLS) for _ in range(self.size)]
        return [(write, draw(arguments)) for write, draw in calls]

    def check(self, call, seen):
        write, arguments = call
        try:
            pdu = write(*arguments)
        except ValueError:
            seen["raised"] += 1
            return
        request = parse_request(0, pdu, frozenset({LONG_FILES}))
        assert request.defect is None, f"wrote what breaks the law: {request.defect}"
        assert request.remark is None, "wrote padding bits"
        assert set(_numbers(arguments)) >= set(_meant(request)), "wrote other numbers than it was given"
        seen["wrote"] += 1
        self._check_answer(request, seen)

    def _check_answer(self, request, seen):
        """Write the answers that can be written; a wrong number of values is refused."""
        due = sum(access.span.count for access in request.accesses if access.intent == "read")
        for count in (due, due + 1):
            try:
                pdu = build.answer(request, [1 if due % 5 else due * 100] * count)
            except ValueError:
                seen["no answer"] += 1
                continue
            response = parse_response(request, pdu, NO_QUIRKS)
            assert response.defect is None, f"wrote an answer that breaks the law: {response.defect}"
        assert parse_response(request, build.exception(request.function, 2)).exception == 2

    def show(self, call):
        return f"{call[0].__name__}{call[1]}"


class Arguments:
    """Numbers and lists of them, ordinary and extreme."""

    def __init__(self, rng):
        self.rng = rng

    def number(self):
        return self.rng.choice(EDGES) if self.rng.random() < 0.5 else self.rng.randrange(65_536)

    def values(self, top=65_536, most=130):
        return [self.rng.randrange(top) for _ in range(min(max(self.number(), 0), most))]

    def data(self, most=5):
        return self.rng.randbytes(self.rng.randrange(most))

    def parts(self, most):
        length = self.number() if self.rng.random() < 0.2 else self.rng.randrange(40)
        part = build.FilePart(self.number(), self.number(), length, tuple(self.values(9)[:30]))
        return [part] * self.rng.randrange(most)


CALLS = (
    (build.read, lambda a: (a.rng.choice((1, 2, 3, 4)), a.number(), a.number())),
    (build.write_register, lambda a: (a.number(), a.number())),
    (build.write_coils, lambda a: (a.number(), a.values(2, 2100))),
    (build.write_registers, lambda a: (a.number(), a.values())),
    (build.mask_write, lambda a: (a.number(), a.number(), a.number())),
    (build.read_write, lambda a: (a.number(), a.number(), a.number(), a.values())),
    (build.read_fifo, lambda a: (a.number(),)),
    (build.diagnostic, lambda a: (a.rng.randrange(-1, 22), a.data())),
    (build.identification, lambda a: (a.rng.randrange(6), a.rng.randrange(300))),
    (build.read_files, lambda a: (a.parts(40),)),
    (build.write_files, lambda a: (a.parts(4),)),
    (build.encapsulated, lambda a: (a.rng.choice((0, 13, 256)), a.data())),
    (build.private, lambda a: (a.rng.randrange(-1, 140),)),
    (build.bare, lambda a: (a.rng.randrange(-1, 140),)),
)


def _numbers(arguments):
    """Return every number in arguments of any depth."""
    for argument in arguments:
        if isinstance(argument, int):
            yield argument
        else:
            yield from _numbers(argument)


def _meant(request):
    """Return the addresses and values that a request names."""
    for access in request.accesses:
        yield access.span.first
    for change in request.changes:
        yield from change.values
