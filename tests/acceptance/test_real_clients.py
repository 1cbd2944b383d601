"""Real clients through learn and observe, byte for byte as without a gateway; then each works with what was learned."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest

pytestmark = [pytest.mark.peer, pytest.mark.timeout(180)]  # the whole way of an installation happens in the fixture
LOOPBACK = "127.0.0.1"
TIMES = 3  # a habit is a write seen three times on three connections
PYMODBUS = """
import json, sys
from pymodbus.client import ModbusTcpClient
client = ModbusTcpClient("127.0.0.1", port=int(sys.argv[1]), retries=0)
assert client.connect()
def said(answer):
    return answer.exception_code if answer.isError() else answer.registers or [int(bit) for bit in answer.bits]
if sys.argv[2] == "work":
    print(json.dumps([
        said(client.write_registers(20, [1, 2, 3], device_id=1)),
        said(client.write_register(24, 77, device_id=1)),
        said(client.write_coils(8, [True, False, True], device_id=1)),
        said(client.readwrite_registers(read_address=26, read_count=2, address=26, values=[5, 6], device_id=1)),
        said(client.read_holding_registers(20, count=8, device_id=1)),
        said(client.read_coils(8, count=3, device_id=1)),
        said(client.read_input_registers(0, count=4, device_id=1)),
        said(client.read_discrete_inputs(8, count=4, device_id=1)),  # shares memory with its own coils
    ]))
else:
    print(json.dumps([
        said(client.write_register(70, 9, device_id=1)),
        said(client.write_registers(20, [1, 2, 9000], device_id=1)),
        said(client.read_holding_registers(20, count=3, device_id=1)),
    ]))
client.close()
"""
MODBUS_SERIAL = """
const Modbus = require('modbus-serial');
(async () => {
  const client = new Modbus();
  await client.connectTCP('127.0.0.1', { port: Number(process.argv[1]) });
  client.setID(1);
  client.setTimeout(8000);
  const said = (asked) => asked.then((found) => found.data || found, (error) => error.modbusCode || String(error));
  const told = [];
  if (process.argv[2] === 'work') {
    told.push(await said(client.writeRegisters(30, [7, 8])));
    told.push(await said(client.writeRegister(33, 5)));
    told.push(await said(client.writeCoil(4, true)));
    told.push(await said(client.writeCoils(5, [true, true])));
    told.push(await said(client.readHoldingRegisters(30, 4)));
    told.push(await said(client.readCoils(4, 3)));
    told.push(await Promise.all([0, 1, 2, 3, 4].map((n) => said(client.readInputRegisters(n, 1)))));
  } else {
    told.push(await said(client.writeRegister(80, 1)));
    told.push(await said(client.writeRegister(33, 9000)));
    told.push(await said(client.readHoldingRegisters(30, 2)));
  }
  console.log(JSON.stringify(told));
  client.close(() => process.exit(0));
})().catch((error) => { console.error(error); process.exit(1); });
"""
MBPOLL_WORK = (
    ("-r", "10", "{host}", "40", "41"),
    ("-r", "12", "{host}", "9"),
    ("-t", "0", "-r", "3", "{host}", "1"),
    ("-r", "10", "-c", "4", "{host}"),
    ("-t", "0", "-r", "0", "-c", "4", "{host}"),
    ("-t", "3", "-r", "0", "-c", "2", "{host}"),
)
MBPOLL_OUTSIDE = (
    ("-r", "60", "{host}", "7"),
    ("-r", "12", "{host}", "9000"),
    ("-r", "12", "{host}"),
)


class Told(NamedTuple):
    """What a client printed, and every byte that it sent and got, by connection."""

    printed: str
    wire: list[tuple[bytes, bytes]]


class Tap:
    """Stands before a port, keeps the bytes of both directions, and gives each client an address of its own."""

    def __init__(self, target, source):
        self._target, self._source = target, source
        self._server = socket.create_server((LOOPBACK, 0))
        self.port = self._server.getsockname()[1]
        self._held, self._sockets = [], []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def _accept(self):
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            device = socket.create_connection((LOOPBACK, self._target), 10, source_address=(self._source, 0))
            self._sockets += [client, device]
            both = (bytearray(), bytearray())
            self._held.append(both)
            for taken, given, held in ((client, device, both[0]), (device, client, both[1])):
                thread = threading.Thread(target=self._carry, args=(taken, given, held))
                self._threads.append(thread)
                thread.start()

    def _carry(self, taken, given, held):
        with contextlib.suppress(OSError):
            while data := taken.recv(4096):
                held += data
                given.sendall(data)
            given.shutdown(socket.SHUT_WR)
            return
        with contextlib.suppress(OSError):
            given.shutdown(socket.SHUT_RDWR)

    def close(self):
        """Wait until every connection has ended; return what was carried."""
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        for thread in self._threads:
            thread.join(10)
        for one in self._sockets:
            one.close()
        return [(bytes(asked), bytes(answered)) for asked, answered in self._held]


def mbpoll(port, what):
    """Run one mbpoll for each line, as a person at a shell does."""
    printed = ""
    for line in MBPOLL_WORK if what == "work" else MBPOLL_OUTSIDE:
        arguments = [part.format(host=LOOPBACK) for part in line]
        command = ["mbpoll", "-m", "tcp", "-p", str(port), "-a", "1", "-0", "-1", "-q", "-o", "8", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        printed += done.stdout.replace(str(port), "PORT") + done.stderr
    return printed


def pymodbus(port, what):
    return printed_by([sys.executable, "-c", PYMODBUS, str(port), what])


def modbus_serial(port, what):
    return printed_by(["node", "-e", MODBUS_SERIAL, str(port), what], NODE_PATH=str(node_modules()))


def printed_by(command, **environment):
    done = subprocess.run(
        command, env=os.environ | environment, capture_output=True, text=True, timeout=30, check=False
    )
    assert 0 == done.returncode, done.stderr
    return done.stdout


def node_modules():
    root = Path(__file__).resolve().parent.parent.parent
    return Path(os.environ.get("ICSGUARD_NODE_MODULES", root / "build" / "node" / "node_modules"))


def is_here(name):
    if name == "mbpoll":
        return shutil.which("mbpoll") is not None
    if name == "modbus-serial":
        return shutil.which("node") is not None and (node_modules() / "modbus-serial").is_dir()
    return True


CLIENTS = {
    "mbpoll": (mbpoll, "127.0.0.11"),
    "pymodbus": (pymodbus, "127.0.0.12"),
    "modbus-serial": (modbus_serial, "127.0.0.13"),
}


def told(name, port, what="work"):
    """Have a client do its work at a port."""
    run, source = CLIENTS[name]
    tap = Tap(port, source)
    try:
        printed = run(tap.port, what)
    finally:
        wire = tap.close()
    return Told(printed, wire)


class Way:
    """The whole way of an installation: directly, learn, accept, observe, enforce."""

    def __init__(self, make_plc, make_site, wait_until):
        self.names = [name for name in CLIENTS if is_here(name)]
        direct = make_plc().port
        self.direct = {name: told(name, direct) for name in self.names}
        self.plc = make_plc()
        self.site = make_site(
            {"plc1": (self.plc.port, "learn", ""), "shared": (make_plc().port, "observe", "links = 1\n")}
        )
        self.learn = [{name: told(name, self.site.port) for name in self.names} for _ in range(TIMES)]
        self.asked = len(self.plc.arrived())
        wait_until(lambda: self.asked == self.proposed()["requests"], every=0.5)
        self.site.run("learn", "plc1")
        self.site.run("learn", "plc1", "--accept", "-r", "read and found right", "--yes")
        self.site.run("mode", "plc1", "observe", "-r", "trial", "--yes")
        self.observe = {name: told(name, self.site.port) for name in self.names}
        self.would_stop = self.site.status()["conduits"][0]["would_be"]
        self.site.run("mode", "plc1", "enforce", "-r", "trial was quiet", "--yes")
        self.enforce = {name: told(name, self.site.port) for name in self.names}
        self.in_all = self.plc.arrived()
        with ThreadPoolExecutor() as pool:
            at_once = {name: pool.submit(told, name, self.site.ports["shared"]) for name in self.names}
            self.shared = {name: future.result() for name, future in at_once.items()}
        self.outside = {name: told(name, self.site.port, "outside") for name in self.names}

    def proposed(self):
        return json.loads(self.site.run("learn", "plc1", "--review", "--json"))


@pytest.fixture(scope="module")
def way(make_plc, make_site, wait_until):
    return Way(make_plc, make_site, wait_until)


@pytest.fixture(params=CLIENTS)
def name(request, way):
    if request.param not in way.names:
        pytest.skip(f"no {request.param} here: .ci/run installs it")
    return request.param


def test_learning_changes_no_byte(way, name):
    assert way.direct[name].wire
    assert [way.direct[name]] * TIMES == [told[name] for told in way.learn]


def test_observing_changes_no_byte_and_has_nothing_against_it(way, name):
    assert way.direct[name] == way.observe[name]
    assert 0 == way.would_stop


def test_it_keeps_working_with_the_learned_policy(way, name):
    assert way.direct[name] == way.enforce[name]


def test_the_device_got_the_very_bytes_that_the_clients_sent(way):
    sent = b"".join(asked for told in way.direct.values() for asked, _ in told.wire)
    assert sent * (TIMES + 2) == b"".join(way.in_all)


def test_clients_that_share_a_link_at_the_same_time_see_no_other_byte(way, name):
    assert way.direct[name] == way.shared[name]


def test_a_write_outside_is_a_proper_exception_in_that_client(way, name):
    printed = way.outside[name].printed
    if name == "mbpoll":
        assert ["address", "value"] == [line.split()[-1] for line in printed.splitlines() if "Illegal data" in line]
        assert "[12]: \t9" in printed
        return
    expected = {"pymodbus": [2, 3, [1, 2, 3]], "modbus-serial": [2, 3, [7, 8]]}
    assert expected[name] == json.loads(printed)


def test_nothing_of_the_writes_outside_came_to_the_device(way):
    later = [raw[7] for raw in way.plc.arrived()[len(way.in_all) :]]
    assert [3] * len(way.names) == later
