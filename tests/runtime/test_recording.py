import asyncio
import json
import threading

import pytest

from icsguard.config.settings import Conduit, GatewaySettings, RecorderSettings, Settings, SyslogSettings
from icsguard.core.decision import Mode
from icsguard.core.meaning import Table
from icsguard.core.point import Point, PointKind
from icsguard.core.record import Record, RecordKind, Severity
from icsguard.core.transaction import Transaction
from icsguard.evidence.own import OwnRecords
from icsguard.policy.rules import Policy
from icsguard.runtime.clock import Clock
from icsguard.runtime.journal import entries, journal_path
from icsguard.runtime.recording import STOPPED, Recording


def record(number: int) -> Record:
    return Record(f"r-{number}", RecordKind.VERDICT, number, Severity.LOW, "")


@pytest.fixture
def settings(tmp_path):
    path = str(tmp_path / "records" / "records.jsonl")
    return Settings(
        GatewaySettings("edge1", str(tmp_path), str(tmp_path)),
        (),
        RecorderSettings(path, 10**6, 2, journal_max_bytes=1_000),
    )


@pytest.fixture
def own():
    return OwnRecords("w1")


@pytest.fixture
def recording(settings, own):
    made = Recording(settings, own)
    made.learn({"plc1": Mode.LEARN}, "5f3a", Clock())
    return made


@pytest.fixture
def lines(tmp_path):
    def read(file: str = "records/records.jsonl") -> list[dict]:
        """Return the lines of a file but for that of its orderly end, which must be the last."""
        *found, last = [json.loads(line) for line in (tmp_path / file).read_bytes().splitlines()]
        assert STOPPED == last["text"]
        return found

    return read


async def test_records_are_written_by_the_end(recording, lines):
    recording.put(record(1))
    recording.put(record(2))
    await recording.finish()
    assert ["r-1", "r-2"] == [line["id"] for line in lines()]
    assert "ok" == recording.status()["disk"]
    assert 3 == recording.status()["written"]


async def test_a_torn_line_of_the_run_before_is_a_gap_on_record(recording, lines, tmp_path):
    (tmp_path / "records").mkdir()
    (tmp_path / "records" / "records.jsonl").write_bytes(b'{"schema":"icsguard.record/1","seq":1')
    recording.put(record(1))
    await recording.finish()
    torn, *rest = (tmp_path / "records" / "records.jsonl").read_bytes().splitlines()
    assert b'{"schema":"icsguard.record/1","seq":1' == torn
    first, gap, _ = (json.loads(line) for line in rest)
    assert ("r-1", "gap", 1, 37) == (first["id"], gap["kind"], gap["facts"]["lost_records"], gap["facts"]["lost_bytes"])


async def test_a_recorder_that_was_killed_is_a_gap_of_unknown_size_on_record(recording, settings, own, lines):
    recording.put(record(1))
    await recording.flush()
    again = Recording(settings, own)
    await again.finish()
    (_, gap) = lines()
    assert ("gap", "memory") == (gap["kind"], gap["facts"]["where"])
    third = Recording(settings, own)
    third.put(record(2))
    await third.finish()
    assert ["r-1", "w1-000001", "w1-000002", "r-2"] == [line["id"] for line in lines()]


async def test_a_disk_that_fails_and_comes_back_is_on_record_with_everything_that_waited(recording, lines, tmp_path):
    (tmp_path / "records").write_text("no folder")
    recording.put(record(1))
    assert not await recording.flush()
    assert recording.status()["disk"].startswith("failed")
    recording.put(record(2))
    assert not await recording.flush()
    (tmp_path / "records").unlink()
    await recording.finish()
    ids = [line["id"] for line in lines()]
    assert ["r-1", "w1-000001", "r-2", "w1-000002"] == ids
    assert "can not be written" in lines()[1]["text"]
    assert "records are written again" == lines()[3]["text"]
    assert "ok" == recording.status()["disk"]


async def test_while_the_disk_fails_records_reach_the_server(settings, own, tmp_path):
    received: asyncio.Queue[bytes] = asyncio.Queue()

    async def serve(reader, writer):
        while data := await reader.read(65_536):
            received.put_nowait(data)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    options = RecorderSettings(settings.recorder.path, syslog=SyslogSettings("127.0.0.1", port))
    recording = Recording(Settings(settings.gateway, (), options), own)
    (tmp_path / "records").write_text("no folder")
    recording.put(record(1))
    await recording.flush()
    recording.put(record(2))
    got = b""
    async with asyncio.timeout(5):
        while b"r-2" not in got:
            got += await received.get()
    assert b"can not be written" in got
    assert "connected" == recording.status()["syslog"]
    (tmp_path / "records").unlink()
    await recording.finish()
    async with asyncio.timeout(5):
        while b"written again" not in got:
            got += await received.get()
    assert b'"r-1"' in got
    server.close()
    await server.wait_closed()


async def test_the_end_does_not_wait_long_for_a_server_that_is_away(settings, own, lines):
    options = RecorderSettings(settings.recorder.path, syslog=SyslogSettings("127.0.0.1", 9))
    recording = Recording(Settings(settings.gateway, (), options), own)
    recording.put(record(1))
    async with asyncio.timeout(4):
        await recording.finish()
    assert ["r-1"] == [line["id"] for line in lines()]


async def test_a_full_journal_is_an_alarm_once(recording, lines):
    traffic = [Transaction(n, "plc1", 1, "10.0.0.5", 5, 9, b"ask", b"answer", 0, 0) for n in range(40)]
    for _ in range(3):
        recording.journal(traffic, [], 0)
        await recording.flush()
    await recording.finish()
    assert ["the traffic journal of plc1 is full: what comes now is not learned; type: icsguard learn plc1"] == [
        line["text"] for line in lines()
    ]


async def test_a_journal_that_can_not_be_written_does_not_stop_the_records(recording, lines, tmp_path):
    (tmp_path / "journal").write_text("no folder")
    recording.journal([Transaction(1, "plc1", 1, "10.0.0.5", 5, 9, b"ask", b"answer", 0, 0)], [], 0)
    recording.put(record(1))
    await recording.finish()
    assert ["r-1"] == [line["id"] for line in lines()]
    assert "journal" in recording.status()["journal"]


async def test_new_places_take_what_the_old_could_not_write(recording, settings, own, lines, tmp_path):
    (tmp_path / "records").write_text("no folder")
    recording.put(record(1))
    options = RecorderSettings(str(tmp_path / "elsewhere.jsonl"))
    other = Recording(Settings(settings.gateway, (), options), own)
    assert recording.fits(settings)
    assert not recording.fits(Settings(settings.gateway, (), options))
    await recording.finish()
    other.adopt(recording)
    await other.finish()
    assert ["r-1", "w1-000001"] == [line["id"] for line in lines("elsewhere.jsonl")]


async def test_a_disk_that_hangs_is_shown_while_it_hangs(recording, monkeypatch):
    hangs = threading.Event()
    monkeypatch.setattr("icsguard.runtime.recording.STALLED_S", 0)
    monkeypatch.setattr(recording._writer, "flush", lambda: hangs.wait(5) and 0)
    recording.put(record(1))
    writing = asyncio.get_running_loop().create_task(recording.flush())
    await asyncio.sleep(0.02)
    assert "stalled for 0 s" == recording.status()["disk"]
    hangs.set()
    await writing
    assert not recording._writing_since


async def test_a_secret_point_does_not_reach_the_journal(settings, own, tmp_path):
    secret = Point("code", 1, Table.HOLDING, 5, kind=PointKind.SECRET)
    conduit = Conduit("plc1", "", 0, "", 0, policy=Policy(points=(secret,)))
    guarded = Settings(settings.gateway, (conduit,), RecorderSettings(settings.recorder.path))
    recording = Recording(guarded, own)
    recording.learn({"plc1": Mode.LEARN}, "5f3a", Clock())
    asked = [bytes.fromhex("000100000006010300050001"), bytes.fromhex("000200000006010300060001")]
    recording.journal([Transaction(n, "plc1", 1, "c", 5, 9, raw, b"", 0, 0) for n, raw in enumerate(asked)], [], 0)
    await recording.finish()
    (entry,) = entries(journal_path(tmp_path, "plc1"))
    assert [asked[1]] == [one.request for one in entry.transactions]


async def test_before_a_server_that_is_away_costs_records_an_alarm_says_so_once(settings, own, lines):
    options = RecorderSettings(settings.recorder.path, syslog=SyslogSettings("127.0.0.1", 9, spool_max_bytes=20_000))
    recording = Recording(Settings(settings.gateway, (), options), own)
    for number in range(200):
        recording.put(record(number))
        await recording.flush()
    await recording.finish()
    alarms = [line for line in lines() if "wait for the syslog server" in line["text"]]
    assert 1 == len(alarms)
    assert 16_000 < alarms[0]["facts"]["waiting_bytes"] < 17_000
