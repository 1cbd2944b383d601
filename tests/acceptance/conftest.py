"""Whole icsguard sites on loopback, as an operator starts them, in front of a device that notes what arrives."""

import contextlib
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

LOOPBACK = "127.0.0.1"
START_S = 30
STOP_S = 15
ANSWER_S = 10
CONDUIT = """[conduit.{name}]
listen = "127.0.0.1:{listen}"
device = "127.0.0.1:{device}"
mode = "{mode}"
{more}
"""


def free_port():
    with socket.create_server((LOOPBACK, 0)) as probe:
        return probe.getsockname()[1]


def until(condition, seconds=START_S, every=0.05):
    """Wait until `condition()` gives something; return that, or fail."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, f"it did not come within {seconds} s"
        time.sleep(every)
    return found


class Plc:
    """The device, running."""

    def __init__(self, folder):
        self._log = folder / "arrived.log"
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).parent / "plc.py"), str(self._log)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self.port = int(self._process.stdout.readline())

    def arrived(self):
        """Return every ADU that ever arrived, oldest first."""
        return [bytes.fromhex(line) for line in self._log.read_text().split("\n")[:-1]]

    def close(self):
        self._process.communicate(timeout=STOP_S)


class Site:
    """`icsguard run` in a folder of its own."""

    def __init__(self, folder, conduits, files=(), *, environment=None):
        """`conduits`: name → (device port, mode, further lines of its table); `files`: name → text."""
        self.folder = folder
        self.ports = {name: free_port() for name in conduits}
        text = '[gateway]\nname = "edge"\nstate = "state"\nrun = "run"\n'
        for name, (device, mode, more) in conduits.items():
            text += CONDUIT.format(name=name, listen=self.ports[name], device=device, mode=mode, more=more)
        for name, content in {"icsguard.toml": text, **dict(files)}.items():
            (folder / name).write_text(content)
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ICSGUARD_")}
        self._environment = kept | (environment or {})
        self._process = None

    @property
    def port(self):
        """Where clients of the first conduit connect."""
        return next(iter(self.ports.values()))

    def run(self, *arguments):
        """Run a command as an operator does; return what it printed. It must succeed."""
        done = self._run(*arguments)
        assert 0 == done.returncode, done.stderr + done.stdout
        return done.stdout

    def start(self):
        """Start it, and wait until all three processes are up."""
        with (self.folder / "icsguard.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "icsguard", "run"],
                cwd=self.folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        until(lambda: self._alive() and self.parts_up())

    def status(self):
        """Return `icsguard status --json`; empty where nobody answers."""
        done = self._run("status", "--json")
        return json.loads(done.stdout) if done.returncode == 0 else {}

    def parts_up(self):
        """Return shadow and recorder with their process ids, once both are up."""
        parts = {part["role"]: part for part in self.status().get("parts", ())}
        is_up = {"shadow", "recorder"} <= parts.keys() and all(part["state"] == "up" for part in parts.values())
        return {role: part["pid"] for role, part in parts.items()} if is_up else None

    def records(self):
        """Return the records on disk, oldest first."""
        path = self.folder / "state" / "records" / "records.jsonl"
        return [json.loads(line) for line in path.read_text().split("\n")[:-1]] if path.exists() else []

    def stop(self):
        """Stop it as an operator does. That must succeed, and leave nothing behind."""
        if self._process is None:
            return
        process, self._process = self._process, None
        process.send_signal(signal.SIGTERM)
        try:
            status = process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
        assert 0 == status, self.words()

    def words(self):
        """Return the end of its log."""
        return (self.folder / "icsguard.log").read_text(errors="replace")[-2000:]

    def _alive(self):
        assert self._process.poll() is None, self.words()
        return True

    def _run(self, *arguments):
        return subprocess.run(
            [sys.executable, "-m", "icsguard", *arguments],
            cwd=self.folder,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


class Client:
    """A Modbus client that shows every byte."""

    def __init__(self, port, source=LOOPBACK):
        self.socket = socket.create_connection((LOOPBACK, port), ANSWER_S, source_address=(source, 0))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._tid = 0

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        self.socket.close()

    def framed(self, pdu, unit=1, protocol=0):
        """Return an ADU with a fresh transaction identifier."""
        self._tid = self._tid % 0xFFFF + 1
        return struct.pack(">HHHB", self._tid, protocol, 1 + len(pdu), unit) + pdu

    def send(self, raw):
        """Send bytes; a peer that has closed is found when receiving."""
        with contextlib.suppress(OSError):
            self.socket.sendall(raw)

    def finished(self):
        """Say that nothing more comes; what was asked is still answered."""
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_WR)

    def receive(self):
        """Return the next ADU; None where the connection is closed."""
        head = self._exactly(6)
        body = self._exactly(int.from_bytes(head[4:6])) if head else None
        return head + body if body else None

    def ask(self, pdu, unit=1):
        """Return the PDU that answers a request; everything before it must be the request's own."""
        raw = self.framed(pdu, unit)
        self.send(raw)
        answer = self.receive()
        assert answer is not None, "the connection was closed"
        assert raw[:4] + raw[6:7] == answer[:4] + answer[6:7]
        assert pdu[0] == answer[7] & 0x7F
        return answer[7:]

    def _exactly(self, size):
        data = b""
        while len(data) < size:
            try:
                more = self.socket.recv(size - len(data))
            except ConnectionError:
                return None
            if not more:
                return None
            data += more
        return data


@pytest.fixture(scope="module")
def plc(tmp_path_factory):
    """A device that notes what arrives."""
    made = Plc(tmp_path_factory.mktemp("plc"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def make_plc(tmp_path_factory):
    """Return a maker of further devices."""
    with contextlib.ExitStack() as stack:

        def make():
            made = Plc(tmp_path_factory.mktemp("plc"))
            stack.callback(made.close)
            return made

        yield make


@pytest.fixture(scope="module")
def make_site(tmp_path_factory):
    """Return a maker of running sites; they are stopped at the end."""
    with contextlib.ExitStack() as stack:

        def make(conduits, files=(), **options):
            made = Site(tmp_path_factory.mktemp("site"), conduits, files, **options)
            stack.callback(made.stop)
            made.start()
            return made

        yield make


@pytest.fixture(scope="session")
def connect():
    """Return the client: `with connect(port) as client`."""
    return Client


@pytest.fixture(scope="session")
def wait_until():
    """Return the waiting function."""
    return until
