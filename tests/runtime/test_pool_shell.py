"""Shared device links on real sockets: many clients, few connections, every answer with its asker."""

import asyncio
import os
import random
import time

import pytest

from icsguard.core.decision import Mode
from icsguard.protocols.modbus import rtu

CLIENTS = 32
EACH = int(os.environ.get("ICSGUARD_POOL_REQUESTS", "200"))
"""Requests of each client in the proof; 10000 is the full one."""


class Shy:
    """A device of few connections whose registers hold their own address; it counts and may be slow, deaf or strict."""

    def __init__(self, *, most=1, longest=0.0, dead=(), framing="mbap", closes_oldest=False, echoes=True, strict=False):
        self.most, self.longest, self.dead, self.framing = most, longest, frozenset(dead), framing
        self.closes_oldest, self.echoes, self.strict = closes_oldest, echoes, strict
        self.seen, self.times, self.writes, self.opened = [], [], [], []
        self.overlapped = self.turned_away = 0
        self.registers = {}
        self._open = []
        self._random = random.Random(7)

    async def start(self):
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def stop(self):
        self.server.close()
        for writer in self._open:
            writer.transport.abort()
        await asyncio.sleep(0.01)

    async def _serve(self, reader, writer):
        if len(self._open) >= self.most:
            if not self.closes_oldest:
                self.turned_away += 1
                writer.transport.abort()
                return
            self._open[0].transport.abort()
        self.opened.append(time.monotonic())
        self._open.append(writer)
        try:
            while True:
                await self._one(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._open.remove(writer)
            writer.close()

    async def _one(self, reader, writer):
        head, unit, pdu = await self._read(reader)
        self.seen.append((unit, pdu))
        self.times.append(time.monotonic())
        if self.longest:
            await asyncio.sleep(self._random.uniform(0, self.longest))
        self.overlapped += bool(reader._buffer)
        if unit in self.dead:
            return
        answer = self._answer(pdu)
        if self.framing == "rtu":
            writer.write(rtu.encode(unit, answer))
            return
        tid = head[:2] if self.echoes else b"\0\1"
        writer.write(tid + b"\0\0" + (1 + len(answer)).to_bytes(2) + bytes((unit,)) + answer)

    async def _read(self, reader):
        if self.framing == "rtu":
            raw = await reader.readexactly(8)
            assert rtu.crc16(raw[:-2]) == raw[-2:]
            return b"", raw[0], raw[1:-2]
        head = await reader.readexactly(6)
        body = await reader.readexactly(int.from_bytes(head[4:6]))
        return head, body[0], body[1:]

    def _answer(self, pdu):
        function, first, count = pdu[0], int.from_bytes(pdu[1:3]), int.from_bytes(pdu[3:5])
        if function == 6:
            self.writes.append((first, count))
            self.registers[first] = count
            return pdu
        words = [self.registers.get(address, address) for address in range(first, first + count)]
        return bytes((function, 2 * count)) + b"".join(word.to_bytes(2) for word in words)


@pytest.fixture
async def shared(open_site):
    """Open a site in observe mode whose clients share links to a device of these manners."""
    devices = []

    async def opened(*, device, mode=Mode.OBSERVE, **options):
        devices.append(await device.start())
        options.setdefault("links", 1)
        return await open_site(device=device, mode=mode, max_clients=64, **options)

    yield opened
    for device in devices:
        await device.stop()


def words(first, count):
    return bytes((3, 2 * count)) + b"".join(address.to_bytes(2) for address in range(first, first + count))


async def polls(caller, number, each, done):
    """Read and write in a stretch of addresses of its own, and check each answer."""
    rng = random.Random(number)
    for at in range(each):
        if rng.random() < 0.1:
            value = rng.randrange(1000, 60000)
            assert bytes((6,)) + (2000 + number).to_bytes(2) + value.to_bytes(2) == await caller.write(
                2000 + number, value
            )
        else:
            first, count = 40 * number + rng.randrange(30), 1 + at % 5
            assert words(first, count) == await caller.read(first, count)
        done[number] += 1


async def test_every_answer_of_a_shared_device_reaches_its_asker_in_fair_shares(shared):
    scene = await shared(device=Shy(longest=0.0005), device_timeout_ms=5000)
    callers = [await scene.caller() for _ in range(CLIENTS)]
    done = [0] * CLIENTS
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(polls(caller, n, EACH, done)) for n, caller in enumerate(callers)]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        shares = list(done)
    fair = sum(shares) / CLIENTS
    assert all(0.9 * fair <= share <= 1.1 * fair for share in shares), shares
    assert [EACH] * CLIENTS == done
    assert (1, 0, 0) == (len(scene.device.opened), scene.device.turned_away, scene.device.overlapped)
    assert CLIENTS * EACH == len(scene.device.seen) == scene.guard.counters.transactions
