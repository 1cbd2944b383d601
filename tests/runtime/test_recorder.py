"""The recorder against a gateway's end of the link, with real sockets and files."""

import asyncio
import json
import sys
from pathlib import Path

import msgspec
import pytest

from icsguard.config.settings import Conduit, GatewaySettings, RecorderSettings, Settings
from icsguard.control import links
from icsguard.core.decision import Mode
from icsguard.core.record import Record, RecordKind, Severity
from icsguard.core.transaction import Transaction
from icsguard.runtime.clock import Clock
from icsguard.runtime.journal import entries, journal_path
from icsguard.runtime.link import LinkServer
from icsguard.runtime.recorder import Recorder

READ = bytes.fromhex("0001 0000 0006 01 03 0000 0001")


def record(number: int) -> Record:
    return Record(f"r-{number}", RecordKind.VERDICT, number, Severity.LOW, "", conduit="plc1")


def transaction(number: int) -> Transaction:
    return Transaction(number, "plc1", 1, "10.0.0.5", 5_000, 9_000, READ, b"answer", 0, 0)


class Gateway:
    """The gateway's end: configures whoever connects, keeps what it hears."""

    def __init__(self, settings: Settings) -> None:
        self.heard: list[links.Message] = []
        self.settings = settings
        self.clock = Clock()
        self.changed = asyncio.Event()
        self.server = LinkServer(self.path, self._hear, on_down=lambda _link: self.changed.set())

    @property
    def path(self) -> Path:
        return Path(self.settings.gateway.run_dir) / "recorder.sock"

    def _hear(self, link, message) -> None:
        self.heard.append(message)
        self.changed.set()
        if isinstance(message, links.Hello):
            self.configure(link)

    def configure(self, link, modes=()) -> None:
        raw = msgspec.msgpack.encode(self.settings)
        link.send(links.Configure(raw, self.clock.anchor, "5f3a", modes))

    def send(self, message: links.Message) -> None:
        self.server.peers[0].send(message)

    async def until(self, condition) -> None:
        async with asyncio.timeout(10):
            while not condition():
                self.changed.clear()
                await self.changed.wait()

    def status(self) -> dict:
        said = [message for message in self.heard if isinstance(message, links.Status)]
        return said[-1].facts if said else {}


@pytest.fixture
def settings(tmp_path):
    conduit = Conduit("plc1", "127.0.0.1", 0, "127.0.0.1", 0, mode=Mode.LEARN)
    path = str(tmp_path / "records.jsonl")
    gateway = GatewaySettings("edge1", str(tmp_path), str(tmp_path / "run"))
    return Settings(gateway, (conduit,), RecorderSettings(path, summary_every_s=1))


@pytest.fixture
async def gateway(settings):
    made = Gateway(settings)
    await made.server.start()
    yield made
    await made.server.stop()


@pytest.fixture
async def recorder(gateway, monkeypatch):
    monkeypatch.setattr("icsguard.runtime.recorder.STATUS_S", 0.05)
    made = Recorder(gateway.path.parent)
    task = asyncio.get_running_loop().create_task(made.run())
    await gateway.until(lambda: any(isinstance(message, links.Hello) for message in gateway.heard))
    yield made
    made.stop()
    async with asyncio.timeout(10):
        await task


@pytest.fixture
def lines(tmp_path):
    def read() -> list[dict]:
        return [json.loads(line) for line in (tmp_path / "records.jsonl").read_bytes().splitlines()]

    return read


async def test_it_says_hello_and_answers_pings(gateway, recorder):
    hello = next(message for message in gateway.heard if isinstance(message, links.Hello))
    assert "recorder" == hello.role
    gateway.send(links.Ping(7))
    await gateway.until(lambda: links.Pong(7) in gateway.heard)


async def test_records_of_a_batch_are_on_disk_soon_and_its_status_says_so(gateway, recorder, lines):
    gateway.send(links.Batch([], [record(1), record(2)]))
    await gateway.until(lambda: gateway.status().get("written", 0) >= 3)
    assert ["the recorder writes", "", ""] == [line["text"] for line in lines()][:3]
    assert ["r-1", "r-2"] == [line["id"] for line in lines()][1:3]


async def test_traffic_of_a_conduit_in_learn_mode_is_journalled(gateway, recorder, tmp_path):
    gateway.send(links.Batch([transaction(1), transaction(2)], []))
    await gateway.until(lambda: gateway.status().get("journal.plc1", 0) > 30)
    (entry,) = entries(journal_path(tmp_path, "plc1"))
    assert ("5f3a", [1, 2]) == (entry.run, [one.number for one in entry.transactions])


async def test_a_change_of_mode_ends_the_journal(gateway, recorder, tmp_path):
    gateway.configure(gateway.server.peers[0], (("plc1", "enforce"),))
    gateway.send(links.Batch([transaction(1)], [record(1)]))
    await gateway.until(lambda: gateway.status().get("written", 0) >= 2)
    assert not journal_path(tmp_path, "plc1").exists()


async def test_what_the_gateway_lost_is_a_gap_on_record(gateway, recorder, lines):
    gateway.send(links.Batch([], [], 30, 12))
    await gateway.until(lambda: gateway.status().get("written", 0) >= 2)
    (gap,) = [line for line in lines() if line["kind"] == "gap"]
    assert {"lost_records": 12, "lost_transactions": 30} == gap["facts"]


async def test_a_period_ends_with_its_summary(gateway, recorder, lines):
    gateway.send(links.Batch([transaction(1)], []))
    await gateway.until(lambda: any(line["kind"] == "summary" for line in lines()) if gateway.status() else False)
    (summary,) = [line for line in lines() if line["kind"] == "summary"]
    assert ("plc1", 1, 1) == (summary["conduit"], summary["facts"]["transactions"], summary["facts"]["reads"])


async def test_after_a_restart_of_the_gateway_it_goes_on(gateway, recorder, lines):
    gateway.send(links.Batch([], [record(1)]))
    await gateway.until(lambda: gateway.status().get("written", 0) >= 2)
    await gateway.server.stop()
    gateway.heard.clear()
    again = Gateway(gateway.settings)
    gateway.server = again.server
    await again.server.start()
    await again.until(lambda: any(isinstance(message, links.Hello) for message in again.heard))
    again.send(links.Batch([], [record(2)]))
    await again.until(lambda: again.status().get("written", 0) >= 3)
    assert ["r-1", "r-2"] == [line["id"] for line in lines() if line["kind"] == "verdict"]


async def test_new_options_move_it_to_new_files(gateway, recorder, tmp_path):
    gateway.send(links.Batch([], [record(1)]))
    await gateway.until(lambda: gateway.status().get("written", 0) >= 2)
    options = RecorderSettings(str(tmp_path / "new" / "records.jsonl"))
    gateway.settings = Settings(gateway.settings.gateway, gateway.settings.conduits, options)
    gateway.configure(gateway.server.peers[0])
    await gateway.until((tmp_path / "new" / "records.jsonl").exists)
    gateway.send(links.Batch([], [record(2)]))
    gateway.send(links.Ping(1))
    await gateway.until(lambda: links.Pong(1) in gateway.heard)
    recorder.stop()
    await recorder.ended.wait()
    assert "r-2" in (tmp_path / "new" / "records.jsonl").read_text()
    assert "r-1" in (tmp_path / "records.jsonl").read_text()


async def test_what_has_arrived_is_on_disk_after_the_end(gateway, recorder, lines):
    gateway.send(links.Batch([], [record(number) for number in range(2_000)]))
    gateway.send(links.Ping(1))
    await gateway.until(lambda: links.Pong(1) in gateway.heard)
    recorder.stop()
    await gateway.until(lambda: not gateway.server.peers)
    await recorder.ended.wait()
    assert [line["seq"] for line in lines()] == list(range(1, len(lines()) + 1))
    assert 2_000 == sum(line["kind"] == "verdict" for line in lines())


async def start_process(config, *, ready) -> asyncio.subprocess.Process:
    command = [sys.executable, "-m", "icsguard.runtime.recorder", "--config", str(config)]
    process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE)
    await ready()
    return process


@pytest.fixture
def config(gateway, tmp_path):
    file = tmp_path / "icsguard.toml"
    file.write_text(f'[gateway]\nrun = "{gateway.path.parent}"\n')
    return file


async def test_the_process_writes_what_it_has_on_sigterm_and_ends_well(gateway, config, lines):
    process = await start_process(config, ready=lambda: gateway.until(lambda: gateway.server.peers and gateway.heard))
    gateway.send(links.Batch([], [record(1)]))
    gateway.send(links.Ping(1))
    await gateway.until(lambda: links.Pong(1) in gateway.heard)
    process.terminate()
    assert 0 == await asyncio.wait_for(process.wait(), 10)
    assert ["r-1"] == [line["id"] for line in lines() if line["kind"] == "verdict"]


async def test_killed_while_it_writes_it_comes_back_and_repairs_its_file(gateway, config, lines, tmp_path):
    for life in range(3):
        gateway.heard.clear()
        process = await start_process(config, ready=lambda: gateway.until(gateway.status))
        for number in range(20):
            gateway.send(links.Batch([], [record(life * 1_000 + number * 50 + each) for each in range(50)]))
        await gateway.until(lambda: gateway.status().get("written", 0) > 5)
        process.kill()
        await process.wait()
        await gateway.until(lambda: not gateway.server.peers)
        with (tmp_path / "records.jsonl").open("ab") as stream:
            stream.write(b'{"schema":"icsguard.record/1","seq":')  # what a power cut leaves of a line
    gateway.heard.clear()
    process = await start_process(config, ready=lambda: gateway.until(gateway.status))
    process.terminate()
    await process.wait()
    whole = [json.loads(line) for line in (tmp_path / "records.jsonl").read_bytes().splitlines() if line.endswith(b"}")]
    assert 3 == sum(line["kind"] == "gap" for line in whole)
    numbers = [line["seq"] for line in whole]
    assert sorted(set(numbers)) == numbers
    assert numbers[-1] - len(numbers) == 3  # the three torn lines


async def test_a_config_that_can_not_be_read_is_one_clear_line(tmp_path):
    command = [sys.executable, "-m", "icsguard.runtime.recorder", "--config", str(tmp_path / "none.toml")]
    process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE)
    _, said = await asyncio.wait_for(process.communicate(), 10)
    assert 1 == process.returncode
    assert 1 == len(said.splitlines())
    assert b"icsguard config check" in said


async def test_the_process_is_light_because_it_must_be_back_at_once():
    heavy = "{'numpy', 'onnxruntime', 'pydantic', 'scapy', 'typer', 'pymodbus', 'cryptography'}"
    script = f"import sys, icsguard.runtime.recorder; print(sorted({heavy} & sys.modules.keys()))"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE)
    said, _ = await asyncio.wait_for(process.communicate(), 20)
    assert b"[]" == said.strip()
