"""A gateway process between real Modbus clients and a real Modbus server (pymodbus), on loopback."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

CONFIG = """[gateway]
state = "{folder}/state"
run = "{folder}/run"
[conduit.plc1]
listen = "127.0.0.1:{listen}"
device = "127.0.0.1:{device}"
mode = "{mode}"
max_in_flight = 1  # pymodbus answers one of several pipelined requests
policy = "plc1.policy.toml"
"""
POLICY = """[clients]
hmi = ["127.0.0.1"]
[[rule]]
id = "operate"
clients = ["hmi"]
units = [1]
functions = [1, 3, 4, 5, 6, 15, 16]
ranges = ["holding 0..49", "coil 0..31", "input 0..9"]
"""
SERVER = """
import asyncio, sys
from pymodbus.server import StartAsyncTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice
block = lambda kind: [SimData(0, count=100, values=0, datatype=kind)]
device = SimDevice(id=1, simdata=(
    [SimData(0, count=7, values=0, datatype=DataType.BITS)], [SimData(0, count=7, values=0, datatype=DataType.BITS)],
    block(DataType.REGISTERS), block(DataType.REGISTERS)))
asyncio.run(StartAsyncTcpServer(context=device, address=("127.0.0.1", int(sys.argv[1]))))
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port, process):
    end = time.monotonic() + 15
    while time.monotonic() < end:
        assert process.poll() is None, f"it ended with status {process.returncode}"
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise AssertionError(f"nothing listens at port {port}")


@pytest.fixture(scope="session")
def modbus_server():
    """Port of a real Modbus server."""
    pytest.importorskip("pymodbus")
    port = free_port()
    process = subprocess.Popen([sys.executable, "-c", SERVER, str(port)])
    wait_for(port, process)
    yield port
    process.kill()
    process.wait()


@pytest.fixture(params=["observe", "enforce"])
def guarded(request, tmp_path, modbus_server):
    """Port of a gateway in front of the server, in each mode; (port, mode)."""
    port = free_port()
    config = tmp_path / "icsguard.toml"
    config.write_text(CONFIG.format(folder=tmp_path, listen=port, device=modbus_server, mode=request.param))
    (tmp_path / "plc1.policy.toml").write_text(POLICY)
    process = subprocess.Popen([sys.executable, "-m", "icsguard.runtime.gateway", "--config", str(config)])
    wait_for(port, process)
    yield port, request.param
    process.terminate()
    assert 0 == process.wait(10)


@pytest.fixture
def node_modules():
    """Folder of the Node packages that the tests need."""
    root = Path(__file__).resolve().parent.parent.parent
    folder = Path(os.environ.get("ICSGUARD_NODE_MODULES", root / "build" / "node" / "node_modules"))
    if not (folder / "modbus-serial").is_dir() or shutil.which("node") is None:
        pytest.skip("no modbus-serial here: npm install --prefix build/node modbus-serial")
    return folder
