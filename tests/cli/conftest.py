import asyncio
import contextlib
import socket
import struct
import sys
import threading

import pytest

from icsguard.cli import app
from icsguard.control.replies import (
    ConduitStatus,
    Done,
    Explained,
    Failure,
    GrantLine,
    Grants,
    PartStatus,
    Points,
    Records,
    SessionLine,
    Sessions,
    Status,
    TicketLine,
    Tickets,
)
from icsguard.core.clock import HOUR, MINUTE, SECOND
from icsguard.core.decision import Decision, Layer, Mode
from icsguard.core.finding import Contribution, Finding
from icsguard.core.isolation import Isolation, Scope
from icsguard.core.live import PointState
from icsguard.core.record import Record, RecordKind, Severity
from icsguard.core.verdict import Reason
from icsguard.runtime.control_server import ControlServer

NOW = 1_795_171_327 * SECOND  # 2026-11-20 10:42:07 UTC
HOSTILE = "hmi\x1b[2J\r\nrefused: forged \x9b31m \u202e"
DIGEST = "ab12cd34ef567890" * 4


@pytest.fixture
def record():
    finding = Finding(
        "what-if",
        Layer.CONSEQUENCE,
        "unsafe-consequence",
        "LT101 reaches 4.9 m (limit 4.5) in 38 s, band ±0.2.",
        NOW,
        "plc1",
        Decision.REFUSE,
        score=0.97,
        threshold=0.8,
        contributions=(Contribution("pump_speed", 0.8, 9000, 80, "rpm"), Contribution("LT101", 0.2)),
        harmless_cause="a new engineering station during commissioning",
        facts={"reach_s": 38.0, "limit": 4.5},
    )
    reason = Reason(
        Layer.POLICY, "value-above-max", "9000 rpm is above the maximum of pump_speed", Decision.REFUSE,
        rule="pump_speed", value=9000.0, limit=80.0,
    )  # fmt: skip
    return Record(
        id="r5f3a-000012",
        kind=RecordKind.VERDICT,
        at=NOW,
        severity=Severity.HIGH,
        text="The write to pump_speed was refused.",
        conduit="plc1",
        protocol="modbus",
        client="10.0.0.66",
        unit=1,
        function=6,
        target="holding 12 (40013)",
        decision="refuse",
        mode="enforce",
        layer="policy",
        technique="T0836",
        reasons=(reason,),
        findings=(finding,),
        outcome="refused",
        reply=3,
        policy_digest=DIGEST,
        model_digest="f00dfeed0123",
        latency_us=310,
        request=(b"\x00\x01\x00\x00\x00\x06\x01\x06\x00\x0c" + (9000).to_bytes(2, "big")).hex(),
        repeated=14,
    )


@pytest.fixture
def answers(record):
    """What the gateway answers, by the request's class name; a test may replace any."""
    conduit = ConduitStatus(
        name="plc1", protocol="modbus", listen="10.0.0.9:502", device="10.1.0.5:502", device_state="up",
        mode=Mode.OBSERVE, clients=2, requests_per_s=38.04, p99_added_us=310, twin="0.8 %",
        failure_policy="policy_alone", policy_digest=DIGEST, rules=7, transactions=216_541, refused=0, would_be=3,
    )  # fmt: skip
    shadow = PartStatus(role="shadow", state="up", since=NOW - MINUTE, pid=12, facts={"asks": 5, "p99 ms": 0.3112})
    recorder = PartStatus(role="recorder", state="down", since=NOW - SECOND, lost=7)
    isolation = Isolation("10.0.0.66", "*", Scope.FULL, "scan", "anna", NOW, NOW + HOUR)
    session = SessionLine(
        flow=1, conduit="plc1", client="10.0.0.21:50312", group="hmi", since=NOW - HOUR, last=NOW - SECOND // 2,
        requests=1000, writes=4, refused=0, in_flight=0, state="open",
    )  # fmt: skip
    ticket = TicketLine(
        id="T-19", conduit="plc1", client="10.0.0.21", opened=NOW, until=NOW + MINUTE,
        request="write holding register 12 (40013) = 79, unit 1", why="the twin is not sure", record="r5f3a-000013",
    )  # fmt: skip
    grant = GrantLine(
        id="g1", conduit="plc1", client="10.0.0.30", what="points pump_speed", until=NOW + HOUR, used=1, max_uses=5,
        by="anna", reason="commissioning",
    )  # fmt: skip
    point = PointState("plc1", "LT101", "m", 4.6, 250, "good", 4.4, 0.1, 0.5, 4.5, "unit 1 input 0 (30001)")
    done = Done(text="done", undo="icsguard release 10.0.0.21 -r undo", record="r5f3a-000014")
    return {
        "GetStatus": Status(
            name="edge1", version="0.1.0", pid=10, now=NOW, started=NOW - 6 * HOUR - 12 * MINUTE, wall_shift=0,
            config="/etc/icsguard/icsguard.toml", settings_digest=DIGEST, conduits=(conduit,),
            parts=(shadow, recorder), isolations=(isolation,), tickets=1, grants=1,
            last_change="anna set plc1 to observe: commissioning", warnings=("the last reload failed",),
        ),
        "GetSessions": Sessions(now=NOW, wall_shift=0, sessions=(session,)),
        "GetPoints": Points(now=NOW, wall_shift=0, points=(point,)),
        "Explain": Explained(record=record, now=NOW, wall_shift=0),
        "GetRecords": Records(now=NOW, wall_shift=0, records=(record,)),
        "ListTickets": Tickets(now=NOW, wall_shift=0, tickets=(ticket,)),
        "ListGrants": Grants(now=NOW, wall_shift=0, grants=(grant,)),
        **dict.fromkeys(
            ("Isolate", "Release", "Approve", "Deny", "SetMode", "Reload", "AddGrant", "EndGrant", "NoteModel", "Stop"),
            done,
        ),
    }  # fmt: skip


class FakeGateway:
    """Answers from a table over a real control socket, and writes down what it was asked."""

    def __init__(self, answers):
        self.answers = answers
        self.asked = []

    async def handle(self, request, operator):
        del operator
        self.asked.append(request)
        return self.answers[type(request).__name__]


@contextlib.contextmanager
def serving(facade, path):
    """Serve a facade on a control socket from a thread of its own."""
    loop = asyncio.new_event_loop()
    server = ControlServer(facade, operators=[], viewers=[])
    loop.run_until_complete(server.open(path))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield
    asyncio.run_coroutine_threadsafe(server.close(), loop).result(5)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(5)
    loop.close()


@pytest.fixture
def gateway(answers, tmp_path, monkeypatch):
    """A running gateway, found by the command line."""
    path = tmp_path / "control.sock"
    monkeypatch.setenv("ICSGUARD_SOCKET", str(path))
    made = FakeGateway(answers)
    with serving(made, path):
        yield made


@pytest.fixture
def no_gateway(tmp_path, monkeypatch):
    monkeypatch.setenv("ICSGUARD_SOCKET", str(tmp_path / "nobody.sock"))


@pytest.fixture
def failing(answers):
    """Have the gateway answer a kind of request with a failure."""

    def fail(request, code, text, hint=""):
        answers[request] = Failure(code=code, text=text, hint=hint)

    return fail


class Ended:
    """How a command ended: exit code, stdout, stderr."""

    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err


@pytest.fixture
def icsguard(capsys, monkeypatch):
    """Run the command line in this process, as a shell would."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["icsguard", *map(str, arguments)])
        code = 0
        try:
            app.main()
        except SystemExit as end:
            code = int(end.code or 0)
        out, err = capsys.readouterr()
        return Ended(code, out, err)

    return run


@pytest.fixture
def typing(monkeypatch):
    """Type this at the terminal when asked."""

    def answer(text):
        monkeypatch.setattr("icsguard.cli.confirm.sys.stdin.isatty", lambda: True)
        monkeypatch.setattr("icsguard.cli.confirm.typer.prompt", lambda *_args, **_options: text)

    return answer


@pytest.fixture
def hostile():
    """Text that a device or client may put where a name belongs."""
    return HOSTILE


LINKTYPE_RAW = 101
READ = bytes.fromhex("00010000000601030000000a")
ANSWER = bytes.fromhex("000100000017010314") + bytes(20)


def segment(source, target, seq, ack, data, flags=0x18):
    """One IPv4 TCP segment without checksums."""
    ports = struct.pack(">HHIIBBHHH", source[1], target[1], seq, ack, 0x50, flags, 8192, 0, 0)
    length = 40 + len(data)
    addresses = socket.inet_aton(source[0]) + socket.inet_aton(target[0])
    return struct.pack(">BBHHHBBH", 0x45, 0, length, 0, 0, 64, 6, 0) + addresses + ports + data


@pytest.fixture
def conversation():
    """Packets of one connection: each request with its answer; without any, one read."""

    def packets(client, device, *exchanges):
        sent = heard = 1
        made = [segment(client, device, 0, 0, b"", 0x02), segment(device, client, 0, 1, b"", 0x12)]
        for request, answer in exchanges or ((READ, ANSWER),):
            made.append(segment(client, device, sent, heard, request))
            sent += len(request)
            made.append(segment(device, client, heard, sent, answer))
            heard += len(answer)
        return made

    return packets


@pytest.fixture
def capture():
    """Write packets as a capture file, `every_us` apart."""

    def write(path, *packets, every_us=1000):
        head = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, LINKTYPE_RAW)
        rows = []
        for number, packet in enumerate(packets):
            seconds, rest = divmod(number * every_us, 1_000_000)
            rows.append(struct.pack("<IIII", 1_700_000_000 + seconds, rest, len(packet), len(packet)) + packet)
        path.write_bytes(head + b"".join(rows))
        return path

    return write
