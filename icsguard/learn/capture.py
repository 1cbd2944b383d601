"""Capture files become TCP segments: pcap and pcapng by scapy's readers, headers by hand (a tenth of scapy's time).

Offline only. What is no TCP over IP is counted and passed over; a packet whose headers lie is too.
"""

from __future__ import annotations

import ipaddress
import struct
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from icsguard.core.clock import SECOND

ETHERNET, NULL, LOOP, RAW, SLL, SLL2, IPV4, IPV6 = 1, 0, 108, 101, 113, 276, 228, 229
"""Link types (LINKTYPE_… of the pcap registry) in which captures of Modbus come."""
_VLAN: Final = (b"\x81\x00", b"\x88\xa8", b"\x91\x00")
_IP: Final = (b"\x08\x00", b"\x86\xdd")
_TCP: Final = 6
_MAX_TAGS: Final = 4  # VLAN tags in a row


class CaptureError(Exception):
    """The file is no capture that can be read; the message is one line for the operator."""


class Segment(NamedTuple):
    """One TCP segment."""

    at: int
    """Time of capture, ns since the epoch."""
    source: tuple[str, int]
    """Address and port."""
    target: tuple[str, int]
    seq: int
    ack: int
    syn: bool
    ended: bool
    """FIN or RST."""
    acks: bool
    """`ack` counts."""
    payload: bytes


def segments(path: Path, counts: Counter[str]) -> Iterator[Segment]:
    """Yield the TCP segments of a capture in the file's order; count packets under `counts`.

    Raises CaptureError where the file is no capture.
    """
    for at, link, data, wire_length in _packets(path):
        counts["packets"] += 1
        segment = _segment(at, _network(link, data))
        if segment is None:
            counts["not_tcp"] += 1
            continue
        if len(data) < wire_length:
            counts["cut_packets"] += 1  # a snap length: the reassembly sees a gap
        yield segment


def _packets(path: Path) -> Iterator[tuple[int, int, bytes, int]]:
    """Yield time, link type, bytes and length on the wire of each packet."""
    from scapy.error import Scapy_Exception  # noqa: PLC0415 - only reading a capture pays for scapy
    from scapy.utils import RawPcapReader  # noqa: PLC0415 - likewise

    try:
        stream = path.open("rb")
    except OSError as error:
        raise CaptureError(f"{path} cannot be read: {error.strerror}") from error
    with stream:
        try:
            opener: Any = RawPcapReader  # it takes a stream as well, which its types do not say
            reader = opener(stream)
        except (OSError, EOFError, Scapy_Exception, struct.error) as error:
            raise CaptureError(f"{path} is no pcap or pcapng file ({error})") from error
        try:
            for data, meta in reader:
                yield _described(reader, data, meta)
        except (EOFError, Scapy_Exception, struct.error):
            return  # a capture that was cut off: what came before counts


def _described(reader: Any, data: bytes, meta: Any) -> tuple[int, int, bytes, int]:  # noqa: ANN401 - scapy has no types
    """Return time, link type, bytes and length; pcapng tells them per packet, pcap per file."""
    high = getattr(meta, "tshigh", None)
    if high is None and hasattr(meta, "sec"):
        at = meta.sec * SECOND + (meta.usec if reader.nano else meta.usec * 1_000)
        return at, reader.linktype, data, meta.wirelen
    if high is None:
        return 0, meta.linktype, data, meta.wirelen  # a simple packet block has no time
    return ((high << 32) | meta.tslow) * SECOND // int(meta.tsresol), meta.linktype, data, meta.wirelen


def _network(link: int, data: bytes) -> bytes:
    """Return the IP packet inside a link-layer frame, or nothing."""
    if link in {RAW, IPV4, IPV6}:
        return data
    if link in {NULL, LOOP}:
        return data[4:]
    at = {ETHERNET: 12, SLL: 14, SLL2: 0}.get(link)
    if at is None:
        return b""
    for _ in range(_MAX_TAGS):
        if data[at : at + 2] not in _VLAN:
            break
        at += 4
    kind = data[at : at + 2]
    return data[20 if link == SLL2 else at + 2 :] if kind in _IP else b""


def _segment(at: int, packet: bytes) -> Segment | None:
    try:
        version = packet[0] >> 4
        if version == 4:  # noqa: PLR2004 - IPv4
            return _tcp(at, *_ipv4(packet))
        if version == 6 and packet[6] == _TCP:  # noqa: PLR2004 - IPv6; extension headers do not occur on plant networks
            size = int.from_bytes(packet[4:6], "big")
            return _tcp(at, packet[8:24], packet[24:40], packet[40 : 40 + size])
    except (IndexError, struct.error, ValueError):
        pass
    return None


def _ipv4(packet: bytes) -> tuple[bytes, bytes, bytes]:
    """Return addresses and payload. Raises ValueError for what is no TCP or a fragment."""
    fragment = int.from_bytes(packet[6:8], "big") & 0x3FFF
    if packet[9] != _TCP or fragment:
        raise ValueError
    size = int.from_bytes(packet[2:4], "big") or len(packet)  # 0: segmentation offload
    return packet[12:16], packet[16:20], packet[(packet[0] & 15) * 4 : size]


def _tcp(at: int, source: bytes, target: bytes, tcp: bytes) -> Segment:
    source_port, target_port, seq, ack = struct.unpack_from("!HHII", tcp)
    flags = tcp[13]
    payload = tcp[(tcp[12] >> 4) * 4 :]
    return Segment(
        at,
        (_address(source), source_port),
        (_address(target), target_port),
        seq,
        ack,
        bool(flags & 2),
        bool(flags & 5),
        bool(flags & 16),
        payload,
    )


def _address(raw: bytes) -> str:
    if len(raw) == 4:  # noqa: PLR2004 - bytes of an IPv4 address
        return f"{raw[0]}.{raw[1]}.{raw[2]}.{raw[3]}"
    mapped = ipaddress.IPv6Address(raw).ipv4_mapped
    return str(mapped or ipaddress.IPv6Address(raw))
