"""A Modbus device in a process of its own that misbehaves on order, by unit identifier, and remembers what arrived.

`python -m faultkit.device PORT CONTROL`: PORT is Modbus, CONTROL a unix socket that takes one JSON line per order.
Everything that arrives is judged by `wire.why_malformed`, which shares nothing with icsguard.
"""

import asyncio
import contextlib
import json
import os
import random
import sys
import time
from collections import Counter

import uvloop

from faultkit.wire import LOOPBACK, READS, WRITES, why_malformed, word

MAX_LOG = 20_000  # raw requests that are remembered, newest last
HALF_OPEN_S = 0.5
MAX_MALFORMED = 20  # examples of malformed requests that are shown


class Device:
    """The device: registers, orders, counts."""

    def __init__(self, port):
        self.port = port
        self.plans = {}
        self.most = 0
        self.stored = {}
        self.rng = random.Random(7)
        self.server = None
        self.open = set()
        self.forget()

    def forget(self):
        """Start counting anew; stored values stay."""
        self.requests = self.calls = 0
        self.malformed = []
        self.malformed_count = 0
        self.log = []
        self.raw_writes = Counter()
        self.values = Counter()

    async def listen(self):
        """Open the port."""
        if self.server is None:
            loop = asyncio.get_running_loop()
            self.server = await loop.create_server(lambda: Line(self), LOOPBACK, self.port, backlog=4096)

    def unlisten(self):
        """Be switched off: the port is closed, connections are reset."""
        if self.server is not None:
            self.server.close()
            self.server = None
        for line in list(self.open):
            line.transport.abort()

    def took(self, raw):
        """Count one request; say whether it may be answered."""
        self.requests += 1
        why = why_malformed(raw)
        if why:
            self.malformed_count += 1
            self.malformed = [*self.malformed, f"{why}: {raw[:40].hex()}"][-MAX_MALFORMED:]
            return False
        if len(self.log) < MAX_LOG:
            self.log.append(raw.hex())
        if raw[7] in WRITES:
            self.raw_writes[raw] += 1
        return True

    def honest(self, raw):
        """Do what a request asks; return the PDU of the right answer."""
        unit, function, body = raw[6], raw[7], raw[8:]
        first, second = int.from_bytes(body[:2]), int.from_bytes(body[2:4])
        if function in {3, 4}:
            return bytes((function, 2 * second)) + b"".join(
                self.value(unit, function, first + index).to_bytes(2) for index in range(second)
            )
        if function in READS:
            return bytes((function, (second + 7) // 8)) + self.bits(unit, function, first, second)
        if function == 6:
            self.store(unit, first, second)
        elif function == 16:
            for index in range(second):
                self.store(unit, first + index, int.from_bytes(body[5 + 2 * index : 7 + 2 * index]))
        return raw[7:12] if function in {5, 6, 15, 16} else bytes((function | 0x80, 1))

    def value(self, unit, table, address):
        """Return a register's value."""
        return (
            self.stored.get((unit, address), word(unit, table, address)) if table == 3 else word(unit, table, address)
        )

    @staticmethod
    def bits(unit, table, first, count):
        """Return packed bits."""
        packed = bytearray((count + 7) // 8)
        for index in range(count):
            packed[index // 8] |= (word(unit, table, first + index) & 1) << (index % 8)
        return bytes(packed)

    def store(self, unit, address, value):
        """Take a written value, and count it."""
        self.stored[unit, address] = value
        self.values[f"{unit}/{address}/{value}"] += 1

    async def order(self, order):
        """Carry out one order; return the reply."""
        match order["do"]:
            case "plan":
                self.plans = {int(unit): plan for unit, plan in order["plans"].items()}
            case "most":
                self.most = order["most"]
            case "forget":
                self.forget()
            case "off":
                self.unlisten()
            case "on":
                await self.listen()
            case "drop":
                for line in list(self.open):
                    line.transport.abort()
            case "log":
                return {"log": self.log}
            case "values":
                return {"values": self.values}
        return self.facts()

    def facts(self):
        """Return what was counted."""
        return {
            "requests": self.requests,
            "writes": sum(self.raw_writes.values()),
            "repeated": sum(count - 1 for count in self.raw_writes.values()),
            "malformed": self.malformed_count,
            "examples": self.malformed,
            "open": len(self.open),
            "calls": self.calls,
        }


class Line(asyncio.Protocol):
    """One connection to the device."""

    def __init__(self, device):
        self.device = device
        self.held = b""
        self.later = b""

    def connection_made(self, transport):
        self.transport = transport
        self.device.calls += 1
        if self.device.most and len(self.device.open) >= self.device.most:
            transport.abort()
            return
        self.device.open.add(self)

    def connection_lost(self, _error):
        self.device.open.discard(self)

    def eof_received(self):
        """A relay passed on that its client half-closed: what is under way is answered, then the connection ends."""
        asyncio.get_running_loop().call_later(HALF_OPEN_S, self.transport.close)
        return True

    def data_received(self, data):
        self.held += data
        while len(self.held) >= 6:
            size = 6 + int.from_bytes(self.held[4:6])
            if self.held[2:4] != b"\0\0" or not 8 <= size <= 260:
                self.device.took(self.held[:260])
                self.transport.abort()
                return
            if len(self.held) < size:
                return
            raw, self.held = self.held[:size], self.held[size:]
            if not self.device.took(raw):
                self.answer(raw, bytes((raw[7] & 0x7F | 0x80, 1)))
            else:
                self.act(raw)

    def act(self, raw):
        """Answer as the plan of the unit says."""
        plan = self.device.plans.get(raw[6], {})
        pdu = self.device.honest(raw)
        if plan.get("writes_only") and raw[7] not in WRITES:
            plan = {}
        wait = plan.get("delay", 0)
        if wait:
            asyncio.get_running_loop().call_later(wait, self.deliver, raw, pdu, plan)
        else:
            self.deliver(raw, pdu, plan)

    def deliver(self, raw, pdu, plan):
        """Send the answer, or what the plan makes of it."""
        if not self.transport.is_closing():
            getattr(self, plan.get("do", "answer").replace("-", "_"))(raw, pdu)

    def answer(self, raw, pdu, *, tid=0, unit=None, length=None, protocol=0):
        """Send an answer, perhaps a false one."""
        size = 1 + len(pdu) if length is None else length
        head = ((int.from_bytes(raw[:2]) + tid) & 0xFFFF).to_bytes(2) + protocol.to_bytes(2) + size.to_bytes(2)
        self.transport.write(head + bytes((raw[6] if unit is None else unit,)) + pdu)

    # The ways to misbehave, by name.

    def silent(self, raw, pdu):
        """Say nothing."""

    def reset(self, raw, pdu):
        self.transport.abort()

    def close(self, raw, pdu):
        self.transport.close()

    def half_reset(self, raw, pdu):
        whole = raw[:4] + (1 + len(pdu)).to_bytes(2) + raw[6:7] + pdu
        self.transport.write(whole[: len(whole) // 2])
        asyncio.get_running_loop().call_later(0.02, self.transport.abort)

    def half_silent(self, raw, pdu):
        self.transport.write(raw[:4] + (1 + len(pdu)).to_bytes(2) + raw[6:7] + pdu[:-1])

    def bytewise(self, raw, pdu):
        whole = raw[:4] + (1 + len(pdu)).to_bytes(2) + raw[6:7] + pdu
        self.later += whole
        if len(self.later) == len(whole):
            self.drip()

    def drip(self):
        """Send the next byte, and then the one after: timers that are set together may come in another order."""
        self.transport.write(self.later[:1])
        self.later = self.later[1:]
        if self.later:
            asyncio.get_running_loop().call_later(0.001, self.drip)

    def garbage(self, raw, pdu):
        self.transport.write(self.device.rng.randbytes(64))

    def bad_protocol(self, raw, pdu):
        self.answer(raw, pdu, protocol=1)

    def length_0(self, raw, pdu):
        self.answer(raw, pdu, length=0)

    def length_short(self, raw, pdu):
        self.answer(raw, pdu, length=len(pdu))

    def length_huge(self, raw, pdu):
        self.answer(raw, pdu, length=65535)

    def wrong_tid(self, raw, pdu):
        self.answer(raw, pdu, tid=1)

    def wrong_unit(self, raw, pdu):
        self.answer(raw, pdu, unit=raw[6] ^ 1)

    def wrong_function(self, raw, pdu):
        self.answer(raw, bytes((4 if pdu[0] == 3 else 3,)) + pdu[1:])

    def undefined_exception(self, raw, pdu):
        self.answer(raw, bytes((raw[7] | 0x80,)))

    def oversize(self, raw, pdu):
        self.answer(raw, pdu[:1] + bytes((min(pdu[1] + 4, 255),)) + pdu[2:] + b"\xde\xad\xbe\xef")

    def trailing(self, raw, pdu):
        self.answer(raw, pdu + b"\xde\xad")

    def truncated(self, raw, pdu):
        self.answer(raw, pdu[:-2])

    def lying_count(self, raw, pdu):
        self.answer(raw, pdu[:1] + bytes((pdu[1] ^ 2,)) + pdu[2:])

    def false_value(self, raw, pdu):
        self.answer(raw, pdu[:-1] + bytes((pdu[-1] ^ 1,)))

    def false_address(self, raw, pdu):
        self.answer(raw, pdu[:1] + bytes((pdu[1] ^ 1,)) + pdu[2:])

    def duplicate(self, raw, pdu):
        self.answer(raw, pdu)
        self.answer(raw, pdu)

    def unsolicited(self, raw, pdu):
        self.answer(raw, pdu, tid=1000)
        self.answer(raw, pdu)

    def endless(self, raw, pdu):
        self.answer(raw, pdu, length=254)
        self._flood(4 * 1024 * 1024)

    def _flood(self, left):
        if left > 0 and not self.transport.is_closing():
            self.transport.write(b"\xa5" * 16384)
            asyncio.get_running_loop().call_later(0.001, self._flood, left - 16384)

    def busy(self, raw, pdu):
        self.answer(raw, bytes((raw[7] | 0x80, 6)))

    def acknowledge(self, raw, pdu):
        self.answer(raw, bytes((raw[7] | 0x80, 5)))


async def _orders(device, reader, writer):
    with contextlib.suppress(ConnectionError):
        while line := await reader.readline():
            reply = await device.order(json.loads(line))
            writer.write(json.dumps(reply).encode() + b"\n")
            await writer.drain()
    writer.close()


async def serve(port, control):
    """Run until the process is ended, or a parent that died leaves it alone."""
    device = Device(port)
    await device.listen()
    server = await asyncio.start_unix_server(
        lambda reader, writer: _orders(device, reader, writer), control, limit=1 << 20
    )
    parent = os.getppid()
    async with server:
        while os.getppid() == parent:  # noqa: ASYNC110 - nobody sends an event when a parent dies
            await asyncio.sleep(0.5)


if __name__ == "__main__":
    started = time.monotonic()
    uvloop.run(serve(int(sys.argv[1]), sys.argv[2]))
