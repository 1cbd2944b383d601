"""A Modbus device in a process of its own, written apart from icsguard: it notes each request before it acts on it.

`python plc.py LOG` listens on loopback, prints its port, and appends every ADU that arrives to LOG as a line of hex.
Coils 16 to 31 are the bits of holding register 30, as in many a real memory. Ends when its standard input closes.
"""

import asyncio
import struct
import sys
from pathlib import Path

ADDRESSES = 1000
SHARED_COIL, SHARED_WORD = 16, 30
ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE = 1, 2, 3


class Unit:
    """The memory behind one unit identifier."""

    def __init__(self):
        self.words = [0] * ADDRESSES
        self.coils = [0] * ADDRESSES

    def coil(self, address):
        """Return one coil."""
        if 0 <= address - SHARED_COIL < 16:
            return self.words[SHARED_WORD] >> (address - SHARED_COIL) & 1
        return self.coils[address]

    def set_coil(self, address, value):
        """Set one coil."""
        bit = address - SHARED_COIL
        if 0 <= bit < 16:
            self.words[SHARED_WORD] = self.words[SHARED_WORD] & ~(1 << bit) | value << bit
        else:
            self.coils[address] = value

    def answer(self, pdu):
        """Do what a request asks; return the answer's PDU."""
        act = ACTS.get(pdu[0])
        if act is None:
            return bytes((pdu[0] & 0x7F | 0x80, ILLEGAL_FUNCTION))
        try:
            return act(self, pdu)
        except IndexError:
            return bytes((pdu[0] | 0x80, ILLEGAL_ADDRESS))
        except (struct.error, ValueError):
            return bytes((pdu[0] | 0x80, ILLEGAL_VALUE))


def read_coils(unit, pdu):
    """Functions 1 and 2."""
    first, count = struct.unpack(">xHH", pdu)
    bits = [unit.coil(address) for address in within(first, count)]
    data = bytearray((count + 7) // 8)
    for index, bit in enumerate(bits):
        data[index // 8] |= bit << index % 8
    return bytes((pdu[0], len(data))) + data


def read_words(unit, pdu):
    """Functions 3 and 4."""
    first, count = struct.unpack(">xHH", pdu)
    return struct.pack(f">BB{count}H", pdu[0], 2 * count, *(unit.words[at] for at in within(first, count)))


def write_coil(unit, pdu):
    """Function 5."""
    address, value = struct.unpack(">xHH", pdu)
    unit.set_coil(within(address, 1)[0], {0xFF00: 1, 0: 0}.get(value, 0))
    return pdu


def write_word(unit, pdu):
    """Function 6."""
    address, value = struct.unpack(">xHH", pdu)
    unit.words[within(address, 1)[0]] = value
    return pdu


def write_coils(unit, pdu):
    """Function 15."""
    first, count, size = struct.unpack(">xHHB", pdu[:6])
    data = pdu[6:]
    if size != len(data) or size != (count + 7) // 8:
        raise ValueError
    for index, address in enumerate(within(first, count)):
        unit.set_coil(address, data[index // 8] >> index % 8 & 1)
    return pdu[:5]


def write_words(unit, pdu):
    """Function 16."""
    first, count, size = struct.unpack(">xHHB", pdu[:6])
    values = struct.unpack(f">{count}H", pdu[6:])
    if size != 2 * count:
        raise ValueError
    run = within(first, count)
    unit.words[run.start : run.stop] = values
    return pdu[:5]


def mask_write(unit, pdu):
    """Function 22."""
    address, keep, put = struct.unpack(">xHHH", pdu)
    at = within(address, 1)[0]
    unit.words[at] = unit.words[at] & keep | put & ~keep & 0xFFFF
    return pdu


def read_write(unit, pdu):
    """Function 23."""
    write_words(unit, pdu[:1] + pdu[5:])
    return read_words(unit, pdu[:5])


def within(first, count):
    """Return the addresses. Raises IndexError, ValueError."""
    if not count:
        raise ValueError
    if first + count > ADDRESSES:
        raise IndexError
    return range(first, first + count)


ACTS = {
    1: read_coils,
    2: read_coils,
    3: read_words,
    4: read_words,
    5: write_coil,
    6: write_word,
    15: write_coils,
    16: write_words,
    22: mask_write,
    23: read_write,
}


async def main(log):
    """Serve until standard input closes."""
    units = {}

    async def serve(reader, writer):
        try:
            while True:
                head = await reader.readexactly(6)
                raw = head + await reader.readexactly(int.from_bytes(head[4:6]))
                log.write(raw.hex().encode() + b"\n")
                pdu = units.setdefault(raw[6], Unit()).answer(raw[7:])
                writer.write(head[:4] + (1 + len(pdu)).to_bytes(2) + raw[6:7] + pdu)
        except (asyncio.IncompleteReadError, OSError):
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201 - to the test that started it
    await asyncio.to_thread(sys.stdin.read)
    server.close()


if __name__ == "__main__":
    with Path(sys.argv[1]).open("ab", buffering=0) as notes:
        asyncio.run(main(notes))
