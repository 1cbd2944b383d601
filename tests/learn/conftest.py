"""A wire to play traffic on: TCP segments by hand, written as pcap or pcapng bytes."""

import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from icsguard.core.transaction import Outcome, Transaction
from icsguard.learn.capture import Segment
from icsguard.learn.traffic import Traffic
from icsguard.protocols.modbus import build
from icsguard.protocols.modbus.pdu import parse_request

HMI, PLC = ("10.0.0.21", 40_001), ("10.1.0.5", 502)
SECOND = 1_000_000_000


@dataclass
class Dialogue:
    """One TCP connection whose segments can be lost, doubled and mixed up by the test."""

    client: tuple[str, int] = HMI
    device: tuple[str, int] = PLC
    at: int = 1_700_000_000 * SECOND
    segments: list[Segment] = field(default_factory=list)
    numbers: dict[tuple[str, int], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.numbers = {self.client: 1_000, self.device: 2**32 - 5}  # the device's numbers wrap around

    def open(self) -> "Dialogue":
        self._add(self.client, b"", syn=True, acks=False)
        self._add(self.device, b"", syn=True)
        return self

    def ask(self, data: bytes) -> "Dialogue":
        return self._add(self.client, data)

    def answer(self, data: bytes) -> "Dialogue":
        return self._add(self.device, data)

    def close(self) -> "Dialogue":
        return self._add(self.client, b"", ended=True)

    def _add(self, source, data, *, syn=False, ended=False, acks=True) -> "Dialogue":
        target = self.device if source == self.client else self.client
        ack = self.numbers[target] if acks else 0
        self.at += 10_000_000
        self.segments.append(Segment(self.at, source, target, self.numbers[source], ack, syn, ended, acks, data))
        self.numbers[source] = (self.numbers[source] + len(data) + syn + ended) % 2**32
        return self


def ethernet(segment: Segment) -> bytes:
    flags = 2 * segment.syn | segment.ended | 16 * segment.acks
    ports = (segment.source[1], segment.target[1])
    tcp = struct.pack("!HHIIBBHHH", *ports, segment.seq, segment.ack, 0x50, flags, 8192, 0, 0) + segment.payload
    if ":" in segment.source[0]:
        import ipaddress

        pair = b"".join(ipaddress.IPv6Address(end[0]).packed for end in (segment.source, segment.target))
        return b"\2" * 12 + b"\x86\xdd" + struct.pack("!IHBB", 0x60000000, len(tcp), 6, 64) + pair + tcp
    addresses = [bytes(map(int, end[0].split("."))) for end in (segment.source, segment.target)]
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 0, 0x4000, 64, 6, 0, *addresses)
    frame = b"\2" * 12 + b"\x08\x00" + ip + tcp
    return frame + b"\0" * max(0, 60 - len(frame))  # Ethernet's padding is no payload


def pcap(frames: Iterable[tuple[int, bytes]], link: int = 1, *, nano: bool = False) -> bytes:
    unit = 1 if nano else 1_000
    magic = 0xA1B23C4D if nano else 0xA1B2C3D4
    out = struct.pack("<IHHIIII", magic, 2, 4, 0, 0, 262_144, link)
    for at, data in frames:
        out += struct.pack("<IIII", at // SECOND, at % SECOND // unit, len(data), len(data)) + data
    return out


def pcapng(frames: Iterable[tuple[int, bytes]], link: int = 1) -> bytes:
    def block(kind: int, body: bytes) -> bytes:
        body += b"\0" * (-len(body) % 4)
        return struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)

    out = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
    out += block(1, struct.pack("<HHI", link, 0, 0) + struct.pack("<HHB3x", 9, 1, 9) + struct.pack("<HH", 0, 0))
    for at, data in frames:
        out += block(6, struct.pack("<IIIII", 0, at >> 32, at & 0xFFFFFFFF, len(data), len(data)) + data)
    return out


@pytest.fixture
def dialogue() -> Dialogue:
    return Dialogue()


@pytest.fixture
def new_dialogue() -> type[Dialogue]:
    return Dialogue


@pytest.fixture
def frames() -> Callable[[Iterable[Segment]], list[tuple[int, bytes]]]:
    return lambda segments: [(segment.at, ethernet(segment)) for segment in segments]


@pytest.fixture
def as_pcap() -> Callable[..., bytes]:
    return pcap


@pytest.fixture
def as_pcapng() -> Callable[..., bytes]:
    return pcapng


@pytest.fixture
def capture(tmp_path, frames) -> Callable[[Iterable[Segment]], Path]:
    def write(segments: Iterable[Segment], name: str = "site.pcap") -> Path:
        (tmp_path / name).write_bytes(pcap(frames(segments), nano=True))
        return tmp_path / name

    return write


@pytest.fixture
def traffic():
    """Traffic made of (second, client, request PDU, values) tuples."""

    def make(*asked) -> Traffic:
        found = []
        for number, (at, client, pdu, *values) in enumerate(asked, 1):
            answer = build.adu(1, 1, build.answer(parse_request(1, pdu), values))
            moment = at * SECOND
            request = build.adu(1, 1, pdu)
            found.append(
                Transaction(number, "plc1", 1, client, moment, moment + 1, request, answer, 0, Outcome.ANSWERED)
            )
        return Traffic(tuple(found), {"adus": 2 * len(found)}, {}, "site.pcap")

    return make
