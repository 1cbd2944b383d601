"""Real OPC UA servers, one gateway process with a conduit for each way to them, and real clients."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

PEERS = Path(__file__).parent / "peers"
ROOT = Path(__file__).resolve().parents[3]
NAMES = {
    "None": ("None", "None"),
    "Sign": ("Basic256Sha256", "Sign"),
    "SignAndEncrypt": ("Basic256Sha256", "SignAndEncrypt"),
    "Aes128": ("Aes128_Sha256_RsaOaep", "SignAndEncrypt"),
    "Aes256": ("Aes256_Sha256_RsaPss", "SignAndEncrypt"),
}
"""Security by the name that the tests use."""
GATEWAY = """[gateway]
state = "{folder}/state"
run = "{folder}/run"
"""
CONDUIT = """[conduit.{name}]
protocol = "opcua"
listen = "127.0.0.1:{port}"
device = "127.0.0.1:{device}"
mode = "{mode}"
policy = "ua.policy.toml"
[conduit.{name}.opcua]
way = "{way}"
pki = "{pki}"
device_url = "opc.tcp://127.0.0.1:{device}/plant"
"""
POLICY = """[clients]
hmi = ["127.0.0.1"]
[opcua]
security = "None"
anonymous = true
passwords_unsecured = true
[opcua.namespaces]
plant = "urn:example:plant"
[opcua.limits]
sessions_per_client = 64
opens_per_minute = 6000
[[opcua.rule]]
id = "look"
clients = ["hmi"]
preset = "monitoring"
[[opcua.rule]]
id = "write"
clients = ["hmi"]
services = ["Write"]
nodes = ["plant:s=Allowed", "plant:s=P*", "plant:s=Nowhere"]
[[opcua.rule]]
id = "ranged"
clients = ["hmi"]
services = ["Write"]
nodes = ["plant:s=Ranged"]
min = 0
max = 100
[[opcua.rule]]
id = "call"
clients = ["hmi"]
services = ["Call"]
methods = ["plant:s=Safe"]
objects = ["plant:s=Plant"]
"""


def free_port():
    """Return a port below those that outgoing connections take."""
    while True:
        port = 20_000 + int.from_bytes(os.urandom(2)) % 12_000
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def wait_for(port, process, seconds=30, log=None):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        said = log.read_text()[-2000:] if log else ""
        assert process.poll() is None, f"it ended with status {process.returncode}: {said}"
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise AssertionError(f"nothing listens at port {port}")


@pytest.fixture(scope="session")
def keys(tmp_path_factory):
    """Folder with certificate and key of server, client, gateway and rogue."""
    pytest.importorskip("asyncua")
    from icsguard.lab.ua_keys import make_keys

    folder = tmp_path_factory.mktemp("keys")
    for name in ("server", "client", "gateway", "rogue"):
        make_keys(folder, name)
    return folder


@pytest.fixture(scope="session")
def node_environment():
    """What a Node process needs to find node-opcua."""
    folder = Path(os.environ.get("ICSGUARD_NODE_MODULES", ROOT / "build" / "node" / "node_modules"))
    if not (folder / "node-opcua").is_dir() or shutil.which("node") is None:
        pytest.skip("no node-opcua here: npm install --prefix build/node node-opcua@2.182.2")
    return {**os.environ, "NODE_PATH": str(folder)}


class Server:
    """One running server and its own log."""

    def __init__(self, port, folder, process):
        self.port = port
        self.process = process
        self._log = folder / "arrived.jsonl"

    @property
    def arrived(self):
        """What reached it so far."""
        if not self._log.exists():
            return []
        return [json.loads(line) for line in self._log.read_text().splitlines()]


@contextlib.contextmanager
def server(command, keys, folder, environment=None):
    port = free_port()
    for name in ("server.der", "server.crt", "server.pem"):
        shutil.copy(keys / name, folder / name)
    process = subprocess.Popen([*command, str(port), str(folder)], env=environment, stdout=subprocess.DEVNULL)
    try:
        wait_for(port, process)
        yield Server(port, folder, process)
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="session")
def asyncua_server(keys, tmp_path_factory):
    """A running asyncua server."""
    command = [sys.executable, PEERS / "asyncua_server.py"]
    with server(command, keys, tmp_path_factory.mktemp("asyncua")) as running:
        yield running


@pytest.fixture(scope="session")
def node_server(keys, tmp_path_factory, node_environment):
    """A running node-opcua server."""
    with server(["node", PEERS / "node_server.js"], keys, tmp_path_factory.mktemp("node"), node_environment) as running:
        yield running


@pytest.fixture
def server_named(request):
    """Return a function from a server's name to the running one."""
    return lambda name: request.getfixturevalue(f"{name}_server")


@pytest.fixture(scope="session")
def pki(keys, tmp_path_factory):
    """The gateway's folder of certificates: its own, and whom it trusts."""
    folder = tmp_path_factory.mktemp("pki")
    for name in ("own", "trusted", "issuers", "rejected"):
        (folder / name).mkdir(mode=0o700)
    shutil.copy(keys / "gateway.der", folder / "own" / "gateway.der")
    shutil.copy(keys / "gateway.pem", folder / "own" / "gateway.pem")
    (folder / "own" / "gateway.pem").chmod(0o600)
    for name in ("server.der", "client.der"):
        shutil.copy(keys / name, folder / "trusted" / name)
    return folder


def conduit(name, device, pki, **more):
    """Return a conduit's part of the configuration, and its port."""
    port, lines = free_port(), []
    way = more.pop("way", "terminate")
    mode = more.pop("mode", "enforce")
    for key, value in more.items():
        lines.append(f"{key} = {json.dumps(value)}\n")
    head = CONDUIT.format(name=name, port=port, device=device, mode=mode, way=way, pki=pki)
    return head + "".join(lines), port


@contextlib.contextmanager
def running(folder, conduits, policy=POLICY):
    """Run a gateway with these conduits: name to (text, port)."""
    config = folder / "icsguard.toml"
    config.write_text(GATEWAY.format(folder=folder) + "".join(text for text, _ in conduits.values()))
    (folder / "ua.policy.toml").write_text(policy)
    with (folder / "gateway.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "icsguard.runtime.gateway", "--config", str(config)], stdout=log, stderr=log
        )
    try:
        for _, port in conduits.values():
            wait_for(port, process, log=folder / "gateway.log")
        yield SimpleNamespace(
            ports={name: port for name, (_, port) in conduits.items()},
            process=process,
            control=folder / "run" / "control.sock",
            folder=folder,
        )
        process.terminate()
        assert 0 == process.wait(15)
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="session")
def run_gateway(pki, tmp_path_factory):
    """Return a context manager that runs a gateway with the conduits of a function of `pki`."""
    return lambda conduits, policy=POLICY: running(tmp_path_factory.mktemp("gateway"), conduits, policy)


@pytest.fixture(scope="session")
def make_conduit(pki):
    """Return the function that writes a conduit."""
    return lambda name, device, **more: conduit(name, device, more.pop("pki", pki), **more)


@pytest.fixture(scope="session")
def client(keys):
    """Return a function that takes a client through steps and returns what it saw."""

    def run(peer, port, security, user, steps, **options):
        policy, mode = NAMES[security]
        folder = options.get("keys", keys)
        where = f"opc.tcp://127.0.0.1:{port}/plant"
        if peer == "asyncua":
            command = [sys.executable, PEERS / "asyncua_client.py", where, policy.replace("_", ""), mode]
            environment = None
        else:
            command = ["node", PEERS / "node_client.js", where, policy, mode]
            environment = options["environment"]
        command += [user, str(folder), ",".join(steps)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=55)
        lines = done.stdout.strip().splitlines()
        assert lines, done.stderr
        return json.loads(lines[-1])

    return run
