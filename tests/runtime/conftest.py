"""A gateway site on loopback with a device, a client and a shadow that a test steers."""

import asyncio
import contextlib
import importlib.machinery
import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from icsguard.config.settings import Conduit, GatewaySettings, Settings
from icsguard.control import links
from icsguard.core.decision import Decision, Mode
from icsguard.core.ids import AddressRange
from icsguard.core.meaning import Table
from icsguard.core.point import Limits, Point
from icsguard.core.transaction import Opinion
from icsguard.policy.rules import Action, ClientGroup, Policy, Rule, Service, Target
from icsguard.runtime import wire
from icsguard.runtime.link import LinkClient
from icsguard.runtime.site import Site

LOOPBACK = "127.0.0.1"
WAIT_S = 5


def adu(tid, pdu, unit=1, protocol=0):
    """Return an ADU."""
    return b"".join(number.to_bytes(2) for number in (tid, protocol, 1 + len(pdu))) + bytes((unit,)) + pdu


async def read_adu(reader):
    """Return the next ADU from a stream."""
    head = await asyncio.wait_for(reader.readexactly(6), WAIT_S)
    return head + await asyncio.wait_for(reader.readexactly(int.from_bytes(head[4:6])), WAIT_S)


class Device:
    """A Modbus device that answers with zeros, counts what arrives, and may be told to misbehave."""

    def __init__(self):
        self.seen = []
        self.connections = 0
        self.silent = False
        self.close_on_write = False
        self.delay = 0.0
        self._writers = set()

    async def start(self, port=0):
        self.server = await asyncio.start_server(self._serve, LOOPBACK, port)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def _serve(self, reader, writer):
        self.connections += 1
        self._writers.add(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readexactly(6)
                raw = head + await reader.readexactly(int.from_bytes(head[4:6]))
                self.seen.append(raw)
                if self.close_on_write and raw[7] in {5, 6, 15, 16}:
                    writer.transport.abort()
                    return
                if self.delay:
                    await asyncio.sleep(self.delay)
                if not self.silent:
                    writer.write(self.answer(raw))
        self._writers.discard(writer)
        writer.close()

    @staticmethod
    def answer(raw):
        function, count = raw[7], int.from_bytes(raw[10:12])
        pdu = bytes((function, 2 * count)) + bytes(2 * count) if function in {3, 4} else raw[7:12]
        return raw[:4] + (1 + len(pdu)).to_bytes(2) + raw[6:7] + pdu

    @property
    def writes(self):
        return [raw for raw in self.seen if raw[7] in {5, 6, 15, 16}]

    async def stop(self):
        self.server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        await asyncio.sleep(0.01)


class Caller:
    """A Modbus client on a stream."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer
        self.tid = 0

    async def ask(self, pdu, unit=1):
        self.tid = self.tid % 0xFFFF + 1
        self.writer.write(adu(self.tid, pdu, unit))
        answer = await read_adu(self.reader)
        assert answer[:2] == self.tid.to_bytes(2)
        return answer[7:]

    async def read(self, first=0, count=1):
        return await self.ask(bytes((3,)) + first.to_bytes(2) + count.to_bytes(2))

    async def write(self, address, value):
        return await self.ask(bytes((6,)) + address.to_bytes(2) + value.to_bytes(2))

    def close(self):
        self.writer.close()


class FakeShadow:
    """A shadow that answers as told, or not at all."""

    def __init__(self, path, decision=Decision.ALLOW):
        self.decision = decision
        self.asked, self.batches, self.configured = [], [], []
        self.client = LinkClient(path, self._heard, on_up=self._up)

    def _up(self, link):
        link.send(links.Hello("shadow", 1, "test", "m1"))

    def _heard(self, link, message):
        if isinstance(message, links.Ask):
            self.asked.append(message.question)
            if self.decision is not None:
                link.send(links.Answer(Opinion(message.question.number, self.decision, (), "m1")))
        elif isinstance(message, links.Batch):
            self.batches.append(message)
        elif isinstance(message, links.Configure):
            self.configured.append(message)


def policy():
    target = Target(Table.HOLDING, AddressRange(0, 99))
    return Policy(
        digest="p1",
        groups=(ClientGroup("hmi", ("127.0.0.1/32",)),),
        points=(Point("speed", 1, Table.HOLDING, 5, limits=Limits(minimum=0, maximum=100)),),
        rules=(
            Rule("r1", clients=("hmi",), units=(1,), services=(Service(3), Service(6)), targets=(target,)),
            Rule(
                "ask",
                clients=("hmi",),
                units=(1,),
                services=(Service(6),),
                targets=(Target(Table.HOLDING, AddressRange(200, 200)),),
                action=Action.HOLD,
            ),
        ),
    )


class Scene:
    """A running site with its device, and ways to talk to it."""

    def __init__(self, site, device):
        self.site, self.device = site, device
        self._open = []

    @property
    def listener(self):
        return self.site.listeners["plc1"]

    @property
    def guard(self):
        return self.listener.guard

    async def caller(self):
        caller = Caller(*await asyncio.open_connection(LOOPBACK, self.listener.port))
        self._open.append(caller)
        return caller

    async def shadow(self, decision=Decision.ALLOW):
        shadow = FakeShadow(self.site.shadow._server.path, decision)
        shadow.client.start()
        await until(lambda: self.guard.shadow_up)
        self._open.append(shadow)
        return shadow

    def records(self, kind):
        return [record for record in self.site.run.recent if record.kind == kind]

    async def close(self):
        for one in self._open:
            if isinstance(one, FakeShadow):
                await one.client.stop()
            else:
                one.close()
        await self.site.close()
        await self.device.stop()


async def until(condition, seconds=WAIT_S):
    """Wait until something holds; fail after `seconds`."""
    end = asyncio.get_running_loop().time() + seconds
    while not condition():
        assert asyncio.get_running_loop().time() < end, "it never came to be"
        await asyncio.sleep(0.002)


def make_settings(folder: Path, device_port: int, **options):
    """Return settings of a site with one conduit in enforce mode."""
    options.setdefault("mode", Mode.ENFORCE)
    options.setdefault("policy", policy())
    conduit = Conduit("plc1", LOOPBACK, 0, LOOPBACK, device_port, **options)
    gateway = GatewaySettings(
        state_dir=str(folder / "state"),
        run_dir=str(folder / "run"),
        control_socket=str(folder / "run" / "control.sock"),
    )
    return Settings(gateway, (conduit,), digest="s1", source=str(folder / "icsguard.toml"))


def extension(name, folder):
    """Compile and load a part of the compiled core that is written in C, from its present source."""
    headers = Path(sysconfig.get_paths()["include"])
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if compiler is None or not (headers / "Python.h").exists():
        pytest.skip("no C compiler, or no headers of Python")
    source, target = Path(wire.__file__).with_name(f"{name}.c"), folder / f"{name}.so"
    strict = ["-std=gnu11", "-O1", "-Wall", "-Wextra", "-Wconversion", "-Werror"]
    subprocess.run([compiler, *strict, "-shared", "-fPIC", f"-I{headers}", source, "-o", target], check=True)
    loader = importlib.machinery.ExtensionFileLoader(f"icsguard.runtime.{name}", str(target))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def wire_extension(tmp_path_factory):
    """Return the sockets' part."""
    return extension("_wire", tmp_path_factory.mktemp("wire"))


@pytest.fixture(scope="session")
def quick_extension(tmp_path_factory):
    """Return the part that makes NamedTuples."""
    return extension("_quick", tmp_path_factory.mktemp("quick"))


@pytest.fixture(params=["transports", "wire"])
def sockets(request, monkeypatch):
    """Have the test run twice: on the loop's own sockets, and on those of the compiled core."""
    module = request.getfixturevalue("wire_extension") if request.param == "wire" else None
    monkeypatch.setitem(sys.modules, "icsguard.runtime._wire", module)  # None: it cannot be imported
    return request.param


@pytest.fixture
async def open_site(tmp_path):
    """Open a site with options of its conduit; it is closed after the test."""
    scenes = []

    async def opened(*, device=None, change=lambda settings: settings, **options):
        device = device or await Device().start()
        settings = change(make_settings(tmp_path, device.port, **options))
        site = Site(tmp_path / "icsguard.toml", settings, msgspec.msgpack.encode(settings))
        scene = Scene(site, device)
        scenes.append(scene)
        await site.start()
        return scene

    yield opened
    for scene in scenes:
        await scene.close()


@pytest.fixture
def wait_until():
    """Wait until something holds."""
    return until


@pytest.fixture
def site_settings():
    """Make settings of a site with one conduit."""
    return make_settings


@pytest.fixture
def new_device():
    """Make a device that is not started."""
    return Device


@pytest.fixture
def frame():
    """Make an ADU."""
    return adu


@pytest.fixture
def next_adu():
    """Read one ADU from a stream."""
    return read_adu


@pytest.fixture
def without_rules():
    """Return settings whose conduit permits nothing."""

    def strip(settings):
        conduit = settings.conduits[0]
        return replace(settings, conduits=(replace(conduit, policy=replace(conduit.policy, rules=(), digest="p0")),))

    return strip


class SilentShadow(FakeShadow):
    """A shadow that takes questions and never answers."""

    def __init__(self, path):
        super().__init__(path, decision=None)
        self.ready, self.asked = asyncio.Event(), asyncio.Event()
        self.client.start()

    def _heard(self, link, message):
        del link
        if isinstance(message, links.Configure):
            self.ready.set()
        elif isinstance(message, links.Ask):
            self.asked.set()

    async def __aenter__(self):
        await asyncio.wait_for(self.ready.wait(), WAIT_S)
        return self

    async def __aexit__(self, *_error):
        await self.client.stop()


@pytest.fixture
def silent_shadow():
    """Connect a shadow that never answers to a gateway's socket."""
    return SilentShadow


class UaScene:
    """A site with a conduit of OPC UA, a server of the benchmark behind it, and readers of the benchmark."""

    def __init__(self, site, pki, keys, security):
        self.site = site
        self.pki = pki
        self.keys = keys
        self.security = security
        self.accepted = []
        self.readers = []

    @property
    def listener(self):
        return self.site.listeners["ua"]

    @property
    def guard(self):
        return self.listener.guard

    @property
    def port(self):
        return self.listener.port

    async def until(self, holds, seconds=8):
        for _ in range(seconds * 100):
            if holds():
                return
            await asyncio.sleep(0.01)
        raise AssertionError("it did not come")

    async def reader(self, nodes=2):
        """Open a session; raises ConnectionError where none is given."""
        from bench.opcua.load import Reader
        from bench.opcua.wire import Security, read_identity
        from icsguard.protocols.opcua.certificates import certificate_of

        name = "server" if self.listener.conduit.opcua.way == "passthrough" else "gateway"
        shown = certificate_of((self.keys / f"{name}.der").read_bytes())
        url, identity = f"opc.tcp://127.0.0.1:{self.port}/x", read_identity(self.keys, "client")
        reader = Reader(url, identity, Security.of(self.security), shown, nodes)
        await asyncio.get_running_loop().create_connection(lambda: reader, LOOPBACK, self.port)
        await asyncio.wait_for(reader.ready, 8)
        self.readers.append(reader)
        return reader

    def hang_up(self):
        """Have the device end every connection."""
        for served in self.accepted:
            served._transport.abort()

    async def take(self, **changed):
        """Reload with another policy."""
        settings = self.site.settings
        conduit = settings.conduits[0]
        policy = replace(conduit.policy, digest="other", opcua=replace(conduit.policy.opcua, **changed))
        await self.site._take(replace(settings, conduits=(replace(conduit, policy=policy),)))

    async def close(self):
        for reader in self.readers:
            reader._transport.abort()
        await self.site.close()
        self.device.close()


def ua_settings(folder, pki, device, security, **options):
    from bench.opcua.wire import NAMESPACE, SECURITIES
    from icsguard.config.settings import UaSettings
    from icsguard.policy.nodes.rules import NodePolicy, NodeRule

    uri, mode = SECURITIES[security]
    rules = (NodeRule("look", clients=("hmi",), services=(631,), nodes=(f"nsu={NAMESPACE};s=P*",)),)
    nodes = NodePolicy(rules=rules, anonymous=True, mode=1)
    policy = Policy(groups=(ClientGroup("hmi", ("127.0.0.0/8",)),), digest="p1", opcua=nodes)
    secured = (uri, int(mode))
    own = UaSettings(
        client_security=(secured,),
        server_security=secured,
        device_url=f"opc.tcp://127.0.0.1:{device}/bench",
        pki=str(pki),
        **options,
    )
    conduit = Conduit(
        "ua", LOOPBACK, 0, LOOPBACK, device, protocol="opcua", mode=Mode.ENFORCE, policy=policy, opcua=own
    )
    run = folder / "run"
    run.mkdir(exist_ok=True)
    gateway = GatewaySettings(state_dir=str(folder / "state"), run_dir=str(run), control_socket=str(run / "control"))
    return Settings(gateway=gateway, conduits=(conduit,))


@pytest.fixture(scope="session")
def ua_keys(tmp_path_factory):
    """Certificates of server, client and gateway."""
    from bench.opcua.wire import write_identity

    folder = tmp_path_factory.mktemp("ua-keys")
    for name in ("server", "client", "gateway"):
        write_identity(folder, name)
    return folder


@pytest.fixture
async def ua_site(tmp_path, ua_keys, monkeypatch):
    """Open a site with an OPC UA conduit; what is missing or wrong in its folder of keys can be told."""
    from bench.opcua.device import Served
    from bench.opcua.wire import Security, read_identity
    from icsguard.runtime import opcua_listener

    monkeypatch.setattr(opcua_listener, "TRUST_LOOK_S", 0.05)
    scenes = []

    async def opened(
        *, security="SignAndEncrypt", trusted=("client.der",), without="", key_mode=0o600, own_too=(), **options
    ):
        pki = tmp_path / "pki"
        for name in ("own", "trusted", "issuers", "rejected"):
            (pki / name).mkdir(parents=True)
        for name in (f"{own}.{kind}" for own in ("gateway", *own_too) for kind in ("der", "pem")):
            if name != without:
                shutil.copy(ua_keys / name, pki / "own" / name)
                (pki / "own" / name).chmod(key_mode)
        for name in ("server.der", *trusted):
            shutil.copy(ua_keys / name, pki / "trusted" / name)
        loop, identity = asyncio.get_running_loop(), read_identity(ua_keys, "server")
        accepted = []

        def served():
            accepted.append(Served("opc.tcp://127.0.0.1/bench", identity, Security.of(security)))
            return accepted[-1]

        device = await loop.create_server(served, LOOPBACK, 0)
        port = device.sockets[0].getsockname()[1]
        settings = ua_settings(tmp_path, pki, port, security, **options)
        site = Site(tmp_path / "icsguard.toml", settings, msgspec.msgpack.encode(settings))
        scene = UaScene(site, pki, ua_keys, security)
        scene.accepted, scene.device = accepted, device
        scenes.append(scene)
        await site.start()
        return scene

    yield opened
    for scene in scenes:
        await scene.close()
