"""Sound requests and answers of every function, at ordinary and at extreme sizes: what all mutation starts from."""

import random

from icsguard.protocols.modbus import build
from icsguard.protocols.modbus.pdu import parse_request


def request_pdus():
    """Return sound request PDUs."""
    words = list(range(1, 124))
    part = build.FilePart(4, 7, 3, (1, 2, 3))
    return [
        *(build.read(function, 0, count) for function in (1, 2, 3, 4) for count in (1, 19, 125)),
        build.read(1, 65_530, 6),
        build.read(2, 0, 2000),
        build.read(3, 65_530, 6),
        build.write_registers(65_534, [1, 2]),
        *(build.write_coil(172, on=on) for on in (True, False)),
        build.write_register(100, 65535),
        *(build.bare(function) for function in (7, 11, 12, 17)),
        *(build.diagnostic(sub) for sub in (*range(5), *range(10, 19), 20, 21)),
        build.diagnostic(0, bytes(range(250))),
        build.diagnostic(1, b"\xff\0"),
        build.write_coils(19, [1, 0] * 5),
        build.write_coils(0, [1] * 1968),
        build.write_registers(1, [10, 258]),
        build.write_registers(0, words),
        build.read_files([part, part]),
        build.read_files([part] * 30),
        build.write_files([part, part]),
        build.write_files([part._replace(record=9_990)] * 18),
        build.mask_write(4, 0x00F2, 0x0025),
        build.read_write(3, 6, 14, [255] * 3),
        build.read_write(0, 125, 0, words[:121]),
        build.read_fifo(1246),
        *(build.identification(code) for code in (1, 2, 3, 4)),
        build.encapsulated(13, b"\x00\x01"),
        build.encapsulated(7, b""),
        build.private(90, b"\x00\x10\x00"),
        build.private(100),
    ]


def answer_pdu(pdu, rng):
    """Return a sound answer to a sound request PDU, with values drawn from `rng`; None where none is due."""
    request = parse_request(0, pdu, frozenset({"long_files"}))
    function, sub = pdu[0], request.sub
    if function == 8 and sub == 4:
        return None
    if function in {7, 11, 12, 17, 43} or (function == 8 and sub not in {0, 1, 3, 10, 20}):
        return _device_words(pdu, rng)
    if function not in {1, 2, 3, 4, 5, 6, 8, 15, 16, 20, 21, 22, 23, 24}:
        return pdu[:1] + rng.randbytes(rng.randrange(6))
    count = sum(access.span.count for access in request.accesses if access.intent == "read")
    if function == 24:
        count = rng.randrange(32)
    top = 2 if function < 3 else 65536
    return build.answer(request, [rng.randrange(top) for _ in range(count)])


def _device_words(pdu, rng):
    """Answer what only a device knows: counters, logs, names."""
    word = rng.randbytes(2)
    match pdu[0]:
        case 7:
            return b"\x07" + word[:1]
        case 8:
            return pdu[:3] + word
        case 11:
            return b"\x0b" + rng.choice((b"\0\0", b"\xff\xff")) + word
        case 12:
            body = rng.choice((b"\0\0", b"\xff\xff")) + rng.randbytes(4 + rng.randrange(65))
            return bytes((12, len(body))) + body
        case 17:
            body = rng.randbytes(2 + rng.randrange(30))
            return bytes((17, len(body))) + body
    if pdu[1] != 14:
        return pdu[:2] + word
    numbers = [pdu[3]] if pdu[2] == 4 else range(rng.randrange(1, 4))
    texts = [rng.randbytes(rng.randrange(20)) for _ in numbers]
    objects = b"".join(bytes((number, len(text))) + text for number, text in zip(numbers, texts, strict=True))
    return pdu[:3] + bytes((rng.choice((1, 2, 3, 0x81)), rng.choice((0, 255)), 0, len(texts))) + objects


def dialogues(seed, count):
    """Return `count` pairs of a sound request PDU and an answer, all functions in turn; sound where one is due."""
    rng = random.Random(f"dialogues {seed}")
    asked = request_pdus()
    pairs = []
    for number in range(count):
        pdu = asked[number % len(asked)]
        if pdu[0] in {1, 2, 3, 4} and rng.random() < 0.7:
            most = 60 if rng.random() < 0.8 else 125
            pdu = build.read(pdu[0], rng.randrange(65_000), rng.randrange(1, most))
        pairs.append((pdu, answer_pdu(pdu, rng) or pdu))
    return pairs
