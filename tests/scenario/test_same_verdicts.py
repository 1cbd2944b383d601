"""One scenario, four ways: live sockets, a capture of it, byte by byte, all at once. The verdicts are the same.

The scenario has every kind of end: allowed reads and writes, forbidden ones in several encodings, malformed frames, an
odd first request, a private function, a refused device answer, an exception, an alert, a hold; and writes that policy
allows and about which the shadow has an opinion of each kind.
"""

import asyncio
import contextlib
import struct
from collections import Counter
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from icsguard.config.settings import Conduit, GatewaySettings, Settings
from icsguard.control import links
from icsguard.core.decision import Decision, Layer, Mode
from icsguard.core.finding import Finding
from icsguard.core.ids import AddressRange
from icsguard.core.meaning import Table
from icsguard.core.point import Limits, Point
from icsguard.core.transaction import Opinion, Outcome, Question
from icsguard.learn.direction import Wire
from icsguard.learn.player import NoShadow, Player
from icsguard.learn.replay import replay_capture
from icsguard.learn.traffic import wires
from icsguard.policy.rules import Action, ClientGroup, Policy, Rule, Service, Target
from icsguard.protocols.modbus import build
from icsguard.protocols.modbus.pdu import parse_request
from icsguard.runtime.link import LinkClient
from icsguard.runtime.site import Site

SECOND, MS = 1_000_000_000, 1_000_000
LOOPBACK = "127.0.0.1"
HMI, PLC = (LOOPBACK, 40_001), (LOOPBACK, 502)


def span(first: int, last: int) -> Target:
    return Target(Table.HOLDING, AddressRange(first, last))


def rule(name: str, functions: tuple[int, ...], *targets: Target, action: Action = Action.ALLOW) -> Rule:
    services = tuple(Service(function) for function in functions)
    return Rule(name, clients=("hmi",), units=(1,), services=services, targets=targets, action=action)


POLICY = Policy(
    digest="scenario",
    groups=(ClientGroup("hmi", ("127.0.0.1/32",)),),
    points=(Point("speed", 1, Table.HOLDING, 5, limits=Limits(0, 100)),),
    rules=(
        rule("operate", (3, 6, 16, 22, 23), span(0, 49)),
        rule("noted", (6,), span(60, 60), action=Action.ALERT),
        rule("asked", (6,), span(70, 70), action=Action.HOLD),
    ),
)

REQUESTS = [
    build.private(90, b"\0\1"),  # an odd first request does not switch anything off
    build.read(3, 0, 10),
    build.write_register(5, 50),
    build.write_register(5, 101),
    build.write_registers(4, (1, 101, 3)),
    build.read_write(0, 2, 5, (101,)),
    build.mask_write(5, 0, 101),
    build.read(3, 45, 10),
    build.read(3, 0, 10),
    build.write_register(60, 7),
    build.write_register(70, 7),
    build.diagnostic(4),
    build.read(3, 0, 10)[:-1],  # malformed: too short
    build.write_coil(1, on=True),
    build.read(3, 40, 1),  # the device answers with an exception
    build.read(3, 41, 1),  # the device answers with a frame too short for its question
    build.read(3, 0, 10),
    build.write_registers(18, (0, 0, 11)),  # nothing against the value 11 in register 20
    build.write_register(20, 12),  # the shadow alerts,
    build.write_register(20, 13),  # would ask a human,
    build.read_write(0, 2, 20, (14,)),  # refuses,
    build.write_register(20, 15),  # and refuses while it asks for isolation, which an opinion alone does not do
    build.read(3, 20, 1),
]
OPINIONS = {12: Decision.ALERT, 13: Decision.HOLD, 14: Decision.REFUSE, 15: Decision.ISOLATE}
"""What the scenario's shadow says of a write that ends with this value."""


def opinion(question: Question) -> Opinion:
    """Return the same opinion on the same bytes, wherever it is asked."""
    decision = OPINIONS.get(int.from_bytes(question.request[-2:], "big"), Decision.ALLOW)
    finding = Finding("what-if", Layer.CONSEQUENCE, "unsafe-consequence", "it does harm", 1, "plc1", decision)
    return Opinion(question.number, decision, (finding,) if decision else (), "twin")


class Shadow(NoShadow):
    """The scenario's shadow, asked by a recording."""

    def ask(self, question: Question, now: int) -> Opinion:
        return opinion(question)


def device(raw: bytes) -> bytes:
    """Answer as the scenario's device does."""
    request = parse_request(raw[6], raw[7:])
    first = request.accesses[-1].span.first if request.accesses else 0
    if request.defect is not None or request.function in {8, 90}:
        return raw  # only there in case it ever sees one of these
    if request.function == 3 and first == 40:
        pdu = build.exception(3, 4)
    elif request.function == 3 and first == 41:
        pdu = bytes((3, 4, 0, 1, 0, 2))
    else:
        count = request.accesses[-1].span.count if request.accesses else 0
        pdu = build.answer(request, [7] * count if request.function in {3, 23} else ())
    return build.adu(int.from_bytes(raw[:2], "big"), raw[6], pdu)


def asked() -> list[bytes]:
    return [build.adu(number, 1, pdu) for number, pdu in enumerate(REQUESTS, 1)]


def conduit(port: int = 502, listen: int = 502) -> Conduit:
    return Conduit("plc1", LOOPBACK, listen, LOOPBACK, port, mode=Mode.ENFORCE, policy=POLICY)


def verdicts(transactions) -> list[tuple[bytes, str, str, bytes]]:
    """Return what became of each request, in the order of requests."""
    ordered = sorted(transactions, key=lambda one: one.number)
    return [(one.request, Decision(one.decision).name, Outcome(one.outcome).name, one.response) for one in ordered]


class Collected:
    """What a player says."""

    def __init__(self) -> None:
        self.transactions, self.records = [], []

    def play(self, played) -> "Collected":
        player = Player(
            conduit(),
            Mode.ENFORCE,
            shadow=Shadow(),
            on_transaction=self.transactions.append,
            on_record=self.records.append,
            on_finding=lambda finding: None,
        )
        player.play(played)
        return self


def dialogue(pieces) -> list[Wire]:
    """Return a recording of the scenario, each side's bytes cut by `pieces`."""
    found, at = [Wire(SECOND, 1, HMI, PLC, from_client=True, data=b"")], SECOND
    for raw in asked():
        for from_client, data in ((True, raw), (False, device(raw))):
            for piece in pieces(data):
                at += MS
                found.append(Wire(at, 1, HMI, PLC, from_client, piece))
    return found


@pytest.fixture(scope="module")
def expected():
    return verdicts(Collected().play(dialogue(lambda data: [data])).transactions)


def test_the_scenario_has_every_kind_of_end(expected):
    assert [
        ("REFUSE", "REFUSED"),
        ("ALLOW", "ANSWERED"),
        ("ALLOW", "ANSWERED"),
        *[("REFUSE", "REFUSED")] * 4,
        ("REFUSE", "REFUSED"),
        ("ALLOW", "ANSWERED"),
        ("ALERT", "ANSWERED"),
        ("HOLD", "REFUSED"),
        ("REFUSE", "REFUSED"),
        ("REFUSE", "REFUSED"),
        ("REFUSE", "REFUSED"),
        ("ALLOW", "EXCEPTION"),
        ("ALLOW", "TIMED_OUT"),
        ("ALLOW", "ANSWERED"),
        ("ALLOW", "ANSWERED"),
        ("ALERT", "ANSWERED"),
        ("HOLD", "REFUSED"),
        ("REFUSE", "REFUSED"),
        ("ISOLATE", "REFUSED"),
        ("ALLOW", "ANSWERED"),
    ] == [(decision, outcome) for _, decision, outcome, _ in expected]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 11])
def test_byte_by_byte_and_in_any_other_pieces(expected, size):
    cut = dialogue(lambda data: [data[at : at + size] for at in range(0, len(data), size)])
    assert expected == verdicts(Collected().play(cut).transactions)


def test_all_requests_in_one_piece(expected):
    allowed = [raw for raw, decision, *_ in expected if decision == "ALLOW"]
    recording = [
        Wire(SECOND, 1, HMI, PLC, from_client=True, data=b"".join(asked())),
        Wire(SECOND + MS, 1, HMI, PLC, from_client=False, data=b"".join(device(raw) for raw in asked())),
    ]
    found = verdicts(Collected().play(recording).transactions)
    assert sorted(entry[:2] for entry in expected) == sorted(entry[:2] for entry in found)
    assert allowed == [raw for raw, decision, *_ in found if decision == "ALLOW"]


def test_from_a_capture(expected, tmp_path):
    path = tmp_path / "scenario.pcap"
    path.write_bytes(captured(dialogue(lambda data: [data])))
    assert expected == verdicts(Collected().play(wires(path, Counter())).transactions)


def test_a_replay_gives_the_same_report_twice_and_counts_what_the_scenario_has(tmp_path):
    path = tmp_path / "scenario.pcap"
    path.write_bytes(captured(dialogue(lambda data: [data])))
    first, second = (replay_capture(path, conduit(), shadow=Shadow()).lines() for _ in range(2))
    assert first == second
    assert "  allow 8, alert 2, hold 2, refuse 10, isolate 1" in first


def captured(recording: list[Wire]) -> bytes:
    """Return a recording as the bytes of a pcap file with raw IP packets."""
    numbers = {HMI: 1, PLC: 1}
    out = struct.pack("<IHHIIII", 0xA1B23C4D, 2, 4, 0, 0, 65_535, 101)
    for wire in recording:
        source, target = (HMI, PLC) if wire.from_client else (PLC, HMI)
        flags = 0x18 if wire.data else 0x02
        tcp = struct.pack("!HHIIBBHHH", source[1], target[1], numbers[source], numbers[target], 0x50, flags, 99, 0, 0)
        size = 20 + len(tcp) + len(wire.data)
        addresses = [bytes(map(int, end[0].split("."))) for end in (source, target)]
        packet = struct.pack("!BBHHHBBH4s4s", 0x45, 0, size, 0, 0, 64, 6, 0, *addresses) + tcp + wire.data
        out += struct.pack("<IIII", wire.at // SECOND, wire.at % SECOND, len(packet), len(packet)) + packet
        numbers[source] += len(wire.data) + (not wire.data)
    return out


class Plc:
    """The scenario's device on a real socket."""

    def __init__(self) -> None:
        self.seen: list[bytes] = []

    async def start(self) -> "Plc":
        self.server = await asyncio.start_server(self._serve, LOOPBACK, 0)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def _serve(self, reader, writer) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                raw = await read_adu(reader)
                self.seen.append(raw)
                writer.write(device(raw))
        writer.close()


async def read_adu(reader) -> bytes:
    head = await reader.readexactly(6)
    return head + await reader.readexactly(int.from_bytes(head[4:6], "big"))


@pytest.fixture
async def live(tmp_path: Path):
    """The real gateway site on loopback, in front of the scenario's device."""
    plc = await Plc().start()
    folders = GatewaySettings("edge", str(tmp_path / "state"), str(tmp_path / "run"), str(tmp_path / "run" / "c.sock"))
    guarded = replace(conduit(plc.port, 0), device_timeout_ms=300, judge_deadline_ms=2000)
    settings = Settings(folders, (guarded,), digest="s", source=str(tmp_path / "icsguard.toml"))
    site = Site(tmp_path / "icsguard.toml", settings, msgspec.msgpack.encode(settings))
    await site.start()
    yield site, plc
    await site.close()
    plc.server.close()


class Beside:
    """Shadow and recorder of the live site: one has its opinions, the other keeps the transactions."""

    def __init__(self, run_dir: Path) -> None:
        self.transactions = []
        self.more = asyncio.Event()
        self._ends = [
            LinkClient(run_dir / f"{role}.sock", self._heard, on_up=lambda link, role=role: self._hello(link, role))
            for role in ("shadow", "recorder")
        ]
        for end in self._ends:
            end.start()

    def _hello(self, link, role: str) -> None:
        link.send(links.Hello(role, 1, "test"))

    def _heard(self, link, message) -> None:
        if isinstance(message, links.Ask):
            link.send(links.Answer(opinion(message.question)))
        elif isinstance(message, links.Batch) and link is self._ends[1].link:
            self.transactions += message.transactions
        self.more.set()

    async def until(self, condition) -> None:
        async with asyncio.timeout(5):
            while not condition():
                self.more.clear()
                await self.more.wait()

    async def stop(self) -> None:
        for end in self._ends:
            await end.stop()


async def test_from_live_sockets(live, expected):
    site, plc = live
    beside = Beside(Path(site.settings.gateway.run_dir))
    await beside.until(lambda: site.listeners["plc1"].guard.shadow_up)
    reader, writer = await asyncio.open_connection(LOOPBACK, site.listeners["plc1"].port)
    for raw in asked():
        writer.write(raw)
        answer = await asyncio.wait_for(read_adu(reader), 5)  # a refusal is one, also of what has none when forwarded
        assert raw[:2] == answer[:2]
    await beside.until(lambda: len(beside.transactions) == len(REQUESTS))
    writer.close()
    assert expected == verdicts(beside.transactions)
    reached = {"ANSWERED", "EXCEPTION", "TIMED_OUT"}
    assert [raw for raw, _, outcome, _ in expected if outcome in reached] == plc.seen
    await beside.stop()
