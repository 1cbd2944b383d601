"""Records against a real rsyslogd: every field arrives where RFC 5424 puts it, and hostile text forges nothing."""

import asyncio
import contextlib
import json
import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from icsguard.config.settings import SyslogSettings
from icsguard.core.record import Record, RecordKind, Severity
from icsguard.evidence.record_json import record_line
from icsguard.evidence.syslog5424 import Syslog5424
from icsguard.runtime.cursor import Cursor
from icsguard.runtime.rotating import RotatingLines
from icsguard.runtime.syslog_client import SyslogShipper
from icsguard.runtime.tail import RecordTail

RSYSLOGD = shutil.which("rsyslogd", path=os.environ.get("PATH", "") + ":/usr/sbin")
pytestmark = [
    pytest.mark.peer,
    pytest.mark.skipif(RSYSLOGD is None, reason="rsyslogd is not installed: apt install rsyslog"),
]
HOSTILE = '"]\\ \r\n<13>1 - forged - - - \x00\x1b[2J\u202e\udc80\U0001f600'
CONFIG = """
module(load="imtcp")
input(type="imtcp" address="127.0.0.1" port="{port}")
template(name="parts" type="string"
  string="%pri%|%timegenerated:::date-year%|%hostname%|%app-name%|%procid%|%msgid%|%structured-data%|%msg%\n")
action(type="omfile" file="{out}" template="parts" asyncWriting="off")
"""


class Rsyslog:
    """A real rsyslogd on a free port, writing one line a message."""

    def __init__(self, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.out = folder / "received"
        self._folder = folder
        (folder / "rsyslog.conf").write_text(CONFIG.format(port=self.port, out=self.out))
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        config, pid = self._folder / "rsyslog.conf", self._folder / "pid"
        command = [str(RSYSLOGD), "-n", "-f", str(config), "-i", str(pid)]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: ASYNC220
        async with asyncio.timeout(10):
            while not await self._listens():  # noqa: ASYNC110 - another program opens the port
                await asyncio.sleep(0.05)

    async def _listens(self) -> bool:
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", self.port)
            writer.close()
            return True
        return False

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def lines(self) -> list[list[str]]:
        """Return the messages, each as its eight parts."""
        text = self.out.read_text("utf-8", "backslashreplace") if self.out.exists() else ""
        return [line.split("|", 7) for line in text.splitlines()]

    async def received(self, count: int) -> list[list[str]]:
        async with asyncio.timeout(15):
            while len({parts[7] for parts in self.lines()}) < count:  # noqa: ASYNC110 - another program writes the file
                await asyncio.sleep(0.05)
        return self.lines()


@pytest.fixture
async def rsyslog(tmp_path):
    server = Rsyslog(tmp_path)
    await server.start()
    yield server
    server.stop()


@pytest.fixture
def files(tmp_path):
    made = RotatingLines(tmp_path / "records.jsonl", 10**7, 2)
    made.open()
    return made


@pytest.fixture
async def shipper(rsyslog, files, tmp_path, monkeypatch):
    monkeypatch.setattr("icsguard.runtime.syslog_client.MAX_PAUSE_S", 0.1)
    settings = SyslogSettings("127.0.0.1", rsyslog.port)
    tail, cursor = RecordTail(files.path, 2), Cursor(tmp_path / "shipped")
    made = SyslogShipper(settings, Syslog5424("edge1", process="77"), tail, cursor, shift=lambda: 0)
    task = asyncio.get_running_loop().create_task(made.run(0))
    yield made
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


def record(number: int, text: str, size: int = 0) -> Record:
    facts: dict[str, str | int | float] = {"blob": "x" * size, "client": text}
    return Record(f"r-{number}", RecordKind.VERDICT, 1, Severity.HIGH, text, client=text, target=text, facts=facts)


async def test_every_field_arrives_in_its_place(rsyslog, files, shipper):
    files.append([record_line(record(1, "plain words"), 1_763_638_810_123_456_000, "edge1", 1)])
    ((pri, _, host, app, process, kind, structured, body),) = await rsyslog.received(1)
    assert ("107", "edge1", "icsguard", "77", "verdict") == (pri, host, app, process, kind)
    assert '[icsguard@32473 seq="1" id="r-1" client="plain words" target="plain words"]' == structured
    assert ("plain words", "2025-11-20T11:40:10.123456Z") == (json.loads(body)["text"], json.loads(body)["time"])


async def test_hostile_text_stays_one_message_and_comes_back_as_it_was(rsyslog, files, shipper):
    files.append([record_line(record(1, HOSTILE), 0, "edge1", 1), record_line(record(2, "after"), 0, "edge1", 2)])
    first, second = await rsyslog.received(2)
    assert HOSTILE.encode("utf-8", "backslashreplace").decode() == json.loads(first[7])["text"]
    assert ("verdict", "after") == (second[5], json.loads(second[7])["text"])
    assert not any("forged" in part for parts in (first, second) for part in parts[:6])


async def test_a_field_of_64_kilobytes_arrives_as_readable_json(rsyslog, files, shipper):
    files.append([record_line(record(1, "x" * 65_536, 65_536), 0, "edge1", 1)])
    ((*_, body),) = await rsyslog.received(1)
    assert True is json.loads(body)["cut"]
    assert "r-1" == json.loads(body)["id"]


async def test_a_server_that_was_killed_and_came_back_has_every_record(rsyslog, files, shipper):
    for number in range(1, 101):
        files.append([record_line(record(number, "before"), 0, "edge1", number)])
    await rsyslog.received(100)
    rsyslog.stop()
    for number in range(101, 201):
        files.append([record_line(record(number, "after"), 0, "edge1", number)])
    shipper.wake()
    await asyncio.sleep(0.2)
    await rsyslog.start()
    received = await rsyslog.received(200)
    assert {f"r-{number}" for number in range(1, 201)} == {json.loads(parts[7])["id"] for parts in received}
