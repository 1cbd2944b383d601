"""The gateway as a process: started, killed, drained, reloaded, refused; light, and quick to start."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time

import pytest

CONFIG = """[gateway]
state = "{folder}/state"
run = "{folder}/run"
[conduit.plc1]
listen = "127.0.0.1:{listen}"
device = "127.0.0.1:{device}"
mode = "enforce"
policy = "plc1.policy.toml"
"""
POLICY = """[clients]
hmi = ["127.0.0.1"]
[[rule]]
id = "r1"
clients = ["hmi"]
units = [1]
functions = [3, 6]
ranges = ["holding 0..99"]
"""
READ = bytes.fromhex("000100000006010300000001")
ANSWER = bytes.fromhex("0001000000050103020000")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Process:
    def __init__(self, folder, device_port):
        self.folder, self.port = folder, free_port()
        self.config = folder / "icsguard.toml"
        self.config.write_text(CONFIG.format(folder=folder, listen=self.port, device=device_port))
        (folder / "plc1.policy.toml").write_text(POLICY)
        self.child = None

    def start(self):
        command = [sys.executable, "-m", "icsguard.runtime.gateway", "--config", str(self.config)]
        self.child = subprocess.Popen(command, stderr=subprocess.PIPE)

    async def connect(self, seconds=10):
        end = time.monotonic() + seconds
        while True:
            try:
                return await asyncio.open_connection("127.0.0.1", self.port)
            except OSError:
                assert time.monotonic() < end, self.child.poll()
                await asyncio.sleep(0.02)

    async def ended(self, seconds=10):
        end = time.monotonic() + seconds
        while self.child.poll() is None:
            assert time.monotonic() < end, "it does not end"
            await asyncio.sleep(0.02)
        return self.child.returncode

    def stop(self):
        if self.child is not None:
            with contextlib.suppress(ProcessLookupError):
                self.child.kill()
            self.child.wait()
            self.child.stderr.close()


@pytest.fixture
async def gateway(tmp_path, new_device):
    device = await new_device().start()
    process = Process(tmp_path, device.port)
    process.device = device
    yield process
    process.stop()
    await device.stop()


async def answered(reader, writer):
    writer.write(READ)
    return await asyncio.wait_for(reader.readexactly(len(ANSWER)), 5)


async def test_it_serves_and_drains_on_sigterm(gateway):
    gateway.start()
    reader, writer = await gateway.connect()
    assert ANSWER == await answered(reader, writer)
    gateway.child.send_signal(signal.SIGTERM)
    assert 0 == await gateway.ended()
    assert b"" == await reader.read()
    writer.close()


async def test_sighup_takes_a_new_policy_and_keeps_the_connection(gateway):
    gateway.start()
    reader, writer = await gateway.connect()
    await answered(reader, writer)
    (gateway.folder / "plc1.policy.toml").write_text(POLICY.replace("0..99", "50..99"))
    gateway.child.send_signal(signal.SIGHUP)
    for _ in range(200):
        writer.write(READ)
        answer = await asyncio.wait_for(reader.readexactly(6), 5)
        answer += await reader.readexactly(int.from_bytes(answer[4:6]))
        if answer[7] == 0x83:
            break
        await asyncio.sleep(0.05)
    assert 0x83 == answer[7]
    (gateway.folder / "plc1.policy.toml").write_text("this is [no toml")
    gateway.child.send_signal(signal.SIGHUP)
    await asyncio.sleep(0.7)
    writer.write(READ)
    assert 0x83 == (await asyncio.wait_for(reader.readexactly(9), 5))[7], "the last good policy stays"
    writer.close()


async def test_killed_under_write_load_no_write_is_replayed(gateway):
    gateway.start()
    reader, writer = await gateway.connect()
    sent = 0
    for value in range(50):
        writer.write((value + 1).to_bytes(2) + bytes.fromhex("0000000601060005") + value.to_bytes(2))
        sent += 1
        if value < 40:
            await asyncio.wait_for(reader.readexactly(12), 5)
    gateway.child.kill()
    await gateway.ended()
    gateway.child.stderr.close()
    gateway.start()
    writer.close()
    reader, writer = await gateway.connect()
    assert ANSWER == await answered(reader, writer)
    values = [raw[10:12] for raw in gateway.device.writes]
    assert 40 <= len(values) <= sent
    assert len(set(values)) == len(values), "a write arrived twice"
    writer.close()


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda g: g.config.write_text("[gateway\n"), "icsguard.toml"),
        (lambda g: (g.folder / "plc1.policy.toml").unlink(), "plc1.policy.toml"),
        (lambda g: g.config.unlink(), "icsguard.toml"),
        (lambda g: (g.folder / "run").write_text("in the way"), "run"),
    ],
    ids=["bad config", "no policy", "no config", "no run folder"],
)
async def test_a_bad_start_is_one_clear_line_and_status_1(gateway, spoil, words):
    spoil(gateway)
    gateway.start()
    assert 1 == await gateway.ended()
    said = gateway.child.stderr.read().decode()
    assert "Traceback" not in said
    assert words in said


async def test_a_port_in_use_names_who_holds_it(gateway):
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", gateway.port))
        holder.listen()
        gateway.start()
        assert 1 == await gateway.ended()
    said = gateway.child.stderr.read().decode()
    assert f"cannot listen at 127.0.0.1:{gateway.port}" in said
    assert str(os.getpid()) in said


async def test_a_second_gateway_leaves_the_first_alone(gateway, tmp_path):
    gateway.start()
    reader, writer = await gateway.connect()
    command = [sys.executable, "-m", "icsguard.runtime.gateway", "--config", str(gateway.config)]
    second = await asyncio.create_subprocess_exec(*command, stderr=subprocess.PIPE)
    _, said = await asyncio.wait_for(second.communicate(), 20)
    assert 1 == second.returncode
    assert b"another gateway listens" in said
    assert (tmp_path / "run" / "shadow.sock").exists()
    assert ANSWER == await answered(reader, writer)
    writer.close()


def test_the_process_imports_nothing_heavy():
    code = "import sys, icsguard.runtime.gateway as g; print(*sorted({m.split('.')[0] for m in sys.modules}))"
    loaded = set(
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    )
    assert set() == loaded & {
        "numpy",
        "onnxruntime",
        "pydantic",
        "pymodbus",
        "asyncua",
        "scapy",
        "typer",
        "tomlkit",
    }


async def test_a_process_that_was_stopped_refuses_the_write_that_waited(gateway, tmp_path, silent_shadow):
    gateway.start()
    reader, writer = await gateway.connect()
    await answered(reader, writer)
    async with silent_shadow(tmp_path / "run" / "shadow.sock") as shadow:
        writer.write(bytes.fromhex("000900000006010600050001"))
        await shadow.asked.wait()
        gateway.child.send_signal(signal.SIGSTOP)
        await asyncio.sleep(2.3)  # longer than any client waits
        gateway.child.send_signal(signal.SIGCONT)
        assert bytes.fromhex("000900000003018606") == await asyncio.wait_for(reader.readexactly(9), 5)
    assert [] == gateway.device.writes
    writer.close()


async def test_a_stopped_shadow_delays_no_read_and_no_write_beyond_the_deadline(gateway, tmp_path, silent_shadow):
    gateway.start()
    reader, writer = await gateway.connect()
    await answered(reader, writer)
    async with silent_shadow(tmp_path / "run" / "shadow.sock"):
        slow = []
        for value in range(60):
            begin = time.monotonic()
            writer.write((value + 1).to_bytes(2) + bytes.fromhex("0000000601060005") + value.to_bytes(2))
            await asyncio.wait_for(reader.readexactly(12), 5)
            slow.append(time.monotonic() - begin)
            begin = time.monotonic()
            assert ANSWER == await answered(reader, writer)
            slow.append(time.monotonic() - begin)
    assert max(slow) < 0.1  # the deadline is 20 ms, and this machine is shared
    assert sorted(slow)[len(slow) * 9 // 10] < 0.02, "after three misses nobody waits"
    assert 60 == len(gateway.device.writes)
    writer.close()
