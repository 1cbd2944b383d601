import asyncio
import contextlib
import json
import socket

import pytest

from icsguard.config.settings import SyslogSettings
from icsguard.core.record import Record, RecordKind, Severity
from icsguard.evidence.record_json import record_line
from icsguard.evidence.syslog5424 import Syslog5424
from icsguard.runtime import syslog_client
from icsguard.runtime.cursor import Cursor
from icsguard.runtime.rotating import RotatingLines
from icsguard.runtime.syslog_client import MAX_URGENT, REPLAY, SyslogShipper
from icsguard.runtime.tail import RecordTail


def record(number: int, text: str = "") -> Record:
    return Record(f"r-{number}", RecordKind.VERDICT, number, Severity.LOW, text)


class Server:
    """A syslog server that understands octet counting and keeps the ids it was sent."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.port = 0
        self.connections = 0
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._changed = asyncio.Condition()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        await self._server.wait_closed()

    async def wait_for(self, condition) -> None:
        async with asyncio.timeout(10), self._changed:
            await self._changed.wait_for(condition)

    async def _serve(self, reader, writer) -> None:
        self.connections += 1
        self._writers.add(writer)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                count = int(await reader.readuntil(b" "))
                message = await reader.readexactly(count)
                async with self._changed:
                    self.ids.append(json.loads(message[message.index(b'] {"') + 2 :])["id"])
                    self._changed.notify_all()
        self._writers.discard(writer)
        writer.close()


@pytest.fixture
async def server():
    made = Server()
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
def files(tmp_path):
    made = RotatingLines(tmp_path / "records.jsonl", 100_000, 2)
    made.open()
    return made


@pytest.fixture
def write(files):
    def append(first: int, last: int, text: str = "") -> None:
        files.append([record_line(record(number, text), number, "h", number) for number in range(first, last + 1)])

    return append


@pytest.fixture
def shipping(files, tmp_path):
    """Run a shipper for the length of a `with`."""

    @contextlib.asynccontextmanager
    async def run(port: int, start: int | None = 0, spool: int = 10**6):
        settings = SyslogSettings("127.0.0.1", port, spool_max_bytes=spool)
        cursor = Cursor(tmp_path / "shipped")
        shipper = SyslogShipper(settings, Syslog5424("h"), RecordTail(files.path, 2), cursor, shift=lambda: 0)
        task = asyncio.get_running_loop().create_task(shipper.run(start))
        try:
            yield shipper
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    return run


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch):
    monkeypatch.setattr(syslog_client, "MAX_PAUSE_S", 0.05)
    monkeypatch.setattr(syslog_client, "MIN_PAUSE_S", 0.02)


async def test_lines_are_shipped_in_their_order(server, write, shipping):
    write(1, 3)
    async with shipping(server.port) as shipper:
        await server.wait_for(lambda: len(server.ids) == 3)
        write(4, 5)
        shipper.wake()
        await server.wait_for(lambda: len(server.ids) == 5)
    assert ["r-1", "r-2", "r-3", "r-4", "r-5"] == server.ids


async def test_a_server_that_is_away_misses_nothing(server, write, shipping):
    await server.stop()
    write(1, 3)
    async with shipping(server.port) as shipper:
        await asyncio.sleep(0.1)
        assert shipper.shipped.state.startswith("away")
        await server.start()
        await server.wait_for(lambda: len(server.ids) == 3)
        assert "connected" == shipper.shipped.state


async def test_after_a_break_the_last_lines_come_again_and_none_is_missing(server, write, shipping):
    write(1, 2 * REPLAY)
    async with shipping(server.port) as shipper:
        await server.wait_for(lambda: len(server.ids) == 2 * REPLAY)
        await server.stop()
        write(2 * REPLAY + 1, 2 * REPLAY + 10)
        shipper.wake()
        await server.start()
        await server.wait_for(lambda: f"r-{2 * REPLAY + 10}" in server.ids)
        assert 1 <= shipper.shipped.breaks
    assert {f"r-{number}" for number in range(1, 2 * REPLAY + 11)} == set(server.ids)
    assert 3 * REPLAY + 10 >= len(server.ids)


async def test_the_place_is_kept_over_a_restart(server, write, shipping):
    write(1, 500)
    async with shipping(server.port):
        await server.wait_for(lambda: len(server.ids) == 500)
    server.ids.clear()
    write(501, 502)
    async with shipping(server.port, start=500):
        await server.wait_for(lambda: "r-502" in server.ids)
    assert [f"r-{number}" for number in range(501 - REPLAY, 503)] == server.ids


async def test_the_first_run_does_not_ship_what_was_there_before_it_was_configured(server, write, shipping):
    write(1, 1_000)
    async with shipping(server.port, start=1_000):
        write(1_001, 1_001)
        await server.wait_for(lambda: "r-1001" in server.ids)
    assert "r-1" not in server.ids
    assert REPLAY + 1 == len(server.ids)


async def test_what_the_spool_can_not_keep_is_lost_from_the_old_end_and_counted(server, write, shipping):
    for first in range(1, 1_500, 100):
        write(first, first + 99, "x" * 20)
    async with shipping(server.port, spool=20_000) as shipper:
        await server.wait_for(lambda: "r-1500" in server.ids)
        assert 1_500 == shipper.shipped.lost + len(server.ids)
        assert shipper.shipped.lost > 0


async def test_what_rotation_took_is_counted_as_lost(server, write, shipping):
    for first in range(1, 4_000, 100):
        write(first, first + 99)
    async with shipping(server.port, spool=10**9) as shipper:
        await server.wait_for(lambda: "r-4000" in server.ids)
        assert 4_000 == shipper.shipped.lost + len(server.ids)
        assert shipper.shipped.lost > 0


async def test_urgent_records_go_round_the_disk_and_their_room_is_bounded(server, shipping):
    async with shipping(server.port, start=None) as shipper:
        for number in range(MAX_URGENT + 7):
            shipper.urgent(record(number))
        await server.wait_for(lambda: f"r-{MAX_URGENT + 6}" in server.ids)
        assert 7 == shipper.shipped.lost
        assert MAX_URGENT == len(server.ids)


async def test_a_server_that_never_reads_is_left_after_a_while(monkeypatch, write, shipping):
    monkeypatch.setattr(syslog_client, "STALL_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        async with shipping(deaf.getsockname()[1]) as shipper:
            seen: set[str] = set()
            for first in range(1, 20_000, 200):
                write(first, first + 199, "x" * 200)
                shipper.wake()
                await asyncio.sleep(0.02)
                seen.add(shipper.shipped.state)
                if shipper.shipped.breaks:
                    break
    assert shipper.shipped.breaks >= 1


async def test_reach_waits_for_a_line_and_not_for_a_server_that_is_away(server, write, shipping):
    write(1, 50)
    async with shipping(server.port) as shipper:
        await server.wait_for(lambda: server.connections == 1)
        async with asyncio.timeout(5):
            await shipper.reach(50)
        assert 50 == shipper.shipped.seq
        await server.stop()
        async with asyncio.timeout(5):
            await shipper.reach(10**9)
        await server.start()
