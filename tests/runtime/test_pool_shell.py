"""Shared device links on real sockets: many clients, few connections, every answer with its asker."""

import asyncio
import itertools
import os
import random
import time

import pytest

from icsguard.core.decision import Mode
from icsguard.protocols.modbus import rtu

CLIENTS = 32
EACH = int(os.environ.get("ICSGUARD_POOL_REQUESTS", "200"))
"""Requests of each client in the proof; 10000 is the full one."""
OFTEN = 0.3
"""Share of the requests that a slow device is slow with."""


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
        if self.longest and self._random.random() < OFTEN:
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


@pytest.mark.parametrize("links", [1, 2, 5])
async def test_no_more_connections_than_declared_are_made_and_all_clients_are_served(shared, links):
    scene = await shared(device=Shy(most=links, longest=0.002), links=links)
    callers = [await scene.caller() for _ in range(8)]
    done = [0] * 8
    await asyncio.gather(*(polls(caller, n, 20, done) for n, caller in enumerate(callers)))
    assert links == len(scene.device.opened)
    assert (0, 0) == (scene.device.turned_away, scene.device.overlapped)


async def test_requests_that_are_many_at_once_come_back_each_under_its_identifier(shared, frame, next_adu):
    scene = await shared(device=Shy(longest=0.001), device_in_flight=4)
    caller = await scene.caller()
    caller.writer.write(b"".join(frame(tid, bytes((3, 0, tid, 0, 1))) for tid in range(40)))
    answers = [await next_adu(caller.reader) for _ in range(40)]
    assert {frame(tid, words(tid, 1)) for tid in range(40)} == set(answers)


async def test_a_dead_unit_costs_the_others_less_than_one_timeout(shared):
    scene = await shared(device=Shy(dead=[9]), device_timeout_ms=300)
    good, lost = await scene.caller(), await scene.caller()
    assert words(1, 1) == await good.read(1)
    slowest, over = 0.0, time.monotonic() + 3

    async def asks_the_dead():
        while time.monotonic() < over:
            assert b"\x83\x0b" == await lost.ask(bytes((3, 0, 0, 0, 1)), unit=9)
            await asyncio.sleep(0.005)

    asking = asyncio.get_running_loop().create_task(asks_the_dead())
    reads = 0
    while time.monotonic() < over:
        begin = time.monotonic()
        assert words(5, 2) == await good.read(5, 2)
        slowest = max(slowest, time.monotonic() - begin)
        reads += 1
        await asyncio.sleep(0.005)
    await asking
    assert slowest < 0.33, "one timeout, and the time of a poll"
    assert reads > 100, "most of the time the dead unit is left alone"
    assert 3 <= sum(unit == 9 for unit, _ in scene.device.seen) <= 6


async def test_a_device_behind_which_a_dead_unit_pipelines_serves_the_others_at_once(shared):
    scene = await shared(device=Shy(dead=[9]), device_timeout_ms=300, device_in_flight=4)
    good, lost = await scene.caller(), await scene.caller()
    asking = asyncio.get_running_loop().create_task(lost.ask(bytes((3, 0, 0, 0, 1)), unit=9))
    await asyncio.sleep(0.02)
    begin = time.monotonic()
    assert words(5, 2) == await good.read(5, 2)
    assert time.monotonic() - begin < 0.15
    assert b"\x83\x0b" == await asking


async def test_quirk_tid_not_echoed(shared):
    scene = await shared(device=Shy(echoes=False, longest=0.002), quirks=("tid_not_echoed",), device_in_flight=8)
    callers = [await scene.caller() for _ in range(4)]
    done = [0] * 4
    await asyncio.gather(*(polls(caller, n, 20, done) for n, caller in enumerate(callers)))
    assert 0 == scene.device.overlapped, "one in flight, whatever the settings say"


async def test_without_that_quirk_such_a_device_is_not_believed(shared):
    scene = await shared(device=Shy(echoes=False), device_timeout_ms=200)
    caller = await scene.caller()
    assert b"\x83\x0b" == await caller.read(0)
    assert "response-unsolicited" in {record.facts.get("code") for record in scene.site.run.recent}


async def test_a_device_that_takes_one_request_at_a_time_never_gets_two(shared):
    scene = await shared(device=Shy(longest=0.002))
    callers = [await scene.caller() for _ in range(6)]
    await asyncio.gather(*(polls(caller, n, 20, [0] * 6) for n, caller in enumerate(callers)))
    assert 0 == scene.device.overlapped


async def test_connect_delay_and_minimum_gap_are_kept(shared):
    scene = await shared(device=Shy(), connect_delay_ms=150, min_gap_ms=20)
    callers = [await scene.caller() for _ in range(3)]
    await asyncio.gather(*(polls(caller, n, 4, [0] * 3) for n, caller in enumerate(callers)))
    device = scene.device
    assert device.times[0] - device.opened[0] >= 0.145
    gaps = [later - earlier for earlier, later in itertools.pairwise(device.times)]
    assert min(gaps) >= 0.018


async def test_a_device_with_small_buffers_never_sees_what_it_cannot_take(shared):
    scene = await shared(device=Shy(), mode=Mode.ENFORCE, max_pdu=64)
    caller = await scene.caller()
    assert b"\x83\x03" == await caller.read(0, 32)
    assert words(0, 31) == await caller.read(0, 31)
    assert 1 == len(scene.device.seen)


async def test_a_device_that_throws_out_its_oldest_connection_is_not_fought_over(shared):
    scene = await shared(device=Shy(closes_oldest=True), quirks=("closes_oldest",))
    caller = await scene.caller()
    assert words(1, 1) == await caller.read(1)
    calls = []
    for _ in range(3):  # another station comes and takes the only place
        reader, writer = await asyncio.open_connection("127.0.0.1", scene.device.port)
        await asyncio.sleep(0.01)
        begin = time.monotonic()
        assert words(2, 1) == await caller.read(2)
        calls.append(time.monotonic() - begin)
        writer.close()
        del reader
    assert calls[0] >= 0.035
    assert calls[2] >= 0.15, "longer and longer"


async def test_a_policy_for_one_unit_holds_for_a_device_that_ignores_units(shared):
    scene = await shared(device=Shy(), mode=Mode.ENFORCE, quirks=("unit_ignored",))
    caller = await scene.caller()
    assert b"\x86\x03" == await caller.ask(bytes((6, 0, 5, 0xFF, 0xFF)), unit=77)
    assert bytes((6, 0, 5, 0, 50)) == await caller.ask(bytes((6, 0, 5, 0, 50)), unit=77)
    assert [(5, 50)] == scene.device.writes


async def test_rtu_over_tcp_serves_clients_of_modbus_tcp(shared):
    scene = await shared(device=Shy(framing="rtu", longest=0.001), framing="rtu", downstream="serial")
    callers = [await scene.caller() for _ in range(4)]
    done = [0] * 4
    await asyncio.gather(*(polls(caller, n, 20, done) for n, caller in enumerate(callers)))
    assert [20] * 4 == done
    assert (1, 0) == (len(scene.device.opened), scene.device.overlapped)
    assert b"\xda\x01" == await callers[0].ask(b"\x5a\0\0")


async def test_rtu_after_a_timeout_begins_on_a_fresh_connection(shared):
    scene = await shared(device=Shy(framing="rtu", dead=[9]), framing="rtu", device_timeout_ms=100)
    caller = await scene.caller()
    assert b"\x83\x0b" == await caller.ask(bytes((3, 0, 0, 0, 1)), unit=9)
    assert words(3, 1) == await caller.read(3)
    assert 2 == len(scene.device.opened)


async def test_a_shared_device_that_is_away_is_told_and_served_again_when_it_is_back(shared, wait_until):
    device = Shy()
    scene = await shared(device=device)
    caller = await scene.caller()
    assert words(1, 1) == await caller.read(1)
    port = device.port
    await device.stop()
    await wait_until(lambda: not scene.guard.pool.is_up)
    assert b"\x83\x0a" == await caller.read(1)
    device.server = await asyncio.start_server(device._serve, "127.0.0.1", port)
    back = time.monotonic()
    while await caller.read(1) != words(1, 1):
        await asyncio.sleep(0.02)
        assert time.monotonic() - back < 1.5


async def test_known_reads_take_the_fast_path_on_shared_links_too(shared):
    scene = await shared(device=Shy())
    caller = await scene.caller()
    assert [words(7, 2)] * 50 == [await caller.read(7, 2) for _ in range(50)]
    assert (49, 1) == (scene.guard.counters.hot, scene.guard.counters.cold)


async def test_shared_links_are_closed_with_the_gateway(shared):
    scene = await shared(device=Shy())
    caller = await scene.caller()
    await caller.read(1)
    await scene.site.drain()
    await scene.site.close()
    await asyncio.sleep(0.02)
    assert [] == scene.device._open


async def test_a_write_on_a_link_that_breaks_is_sent_once(shared, wait_until):
    scene = await shared(device=Shy(dead=[9]), device_timeout_ms=2000)
    caller = await scene.caller()
    asking = asyncio.get_running_loop().create_task(caller.ask(bytes((6, 0, 5, 0, 9)), unit=9))
    await wait_until(lambda: scene.device.seen)
    scene.device._open[0].transport.abort()
    assert b"\x86\x0b" == await asking
    assert words(1, 1) == await caller.read(1)
    assert 1 == sum(pdu[0] == 6 for _, pdu in scene.device.seen)
