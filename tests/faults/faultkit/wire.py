"""Modbus on the wire for fault cases, written apart from icsguard's own codec so that no error is made twice."""

import itertools
import socket
import struct
import time
from typing import Final, NamedTuple

LOOPBACK: Final = "127.0.0.1"
WAIT_S: Final = 5.0
"""No honest answer takes so long; a client that waits longer was never told."""
READS: Final = {1: 2000, 2: 2000, 3: 125, 4: 125}
WRITES: Final = frozenset({5, 6, 15, 16, 22, 23})
_BARE: Final = frozenset({7, 11, 12, 17})
_TIDS: Final = itertools.count(1)


def adu(tid, pdu, unit=1, protocol=0, length=None):
    """Return an ADU; `protocol` and `length` may lie."""
    return struct.pack(">HHHB", tid, protocol, 1 + len(pdu) if length is None else length, unit) + pdu


def next_tid():
    """Return a transaction identifier that was not used lately by anybody in this process."""
    return next(_TIDS) & 0xFFFF


def read_pdu(first=0, count=1, function=3):
    """Return a read of `count` elements."""
    return struct.pack(">BHH", function, first, count)


def write_pdu(address, value):
    """Return a write of one holding register."""
    return struct.pack(">BHH", 6, address, value)


def word(unit, table, address):
    """Return what an untouched register holds: different for each unit, table and address, so that nothing mixes up."""
    return (address * 31 + unit * 257 + table * 4099) & 0xFFFF


def words(unit, table, first, count):
    """Return the data of a read of untouched registers."""
    return b"".join(word(unit, table, first + index).to_bytes(2) for index in range(count))


def answer_to_read(unit, first, count, function=3):
    """Return the right PDU for a read of untouched registers."""
    return bytes((function, 2 * count)) + words(unit, function, first, count)


def why_malformed(raw):  # noqa: PLR0911 - one line per law
    """Say what is wrong with a request ADU by the specification (AP V1.1b3 §6, TCP guide §3.1.3); empty if nothing."""
    if len(raw) < 8 or raw[2:4] != b"\0\0" or int.from_bytes(raw[4:6]) != len(raw) - 6 or len(raw) > 260:
        return "header"
    function, body = raw[7], raw[8:]
    if function in READS:
        return "" if len(body) == 4 and _fits(body, READS[function]) else "read"
    if function == 5:
        return "" if len(body) == 4 and body[2:] in {b"\xff\x00", b"\x00\x00"} else "write coil"
    if function == 6:
        return "" if len(body) == 4 else "write register"
    if function in {15, 16}:
        return "" if _is_block(body, function) else "write block"
    if function == 22:
        return "" if len(body) == 6 else "mask write"
    if function == 23:
        right = len(body) > 9 and _fits(body[:4], 125) and _is_block(body[4:], 16, most=121)
        return "" if right else "read/write"
    if function in _BARE:
        return "" if not body else "bare function with a body"
    if function == 8:
        return "" if len(body) >= 4 else "diagnostics"
    return "" if function == 43 and body[:1] == b"\x0e" and len(body) == 3 else f"function {function}"


def _fits(body, most):
    first, count = struct.unpack(">HH", body[:4])
    return 1 <= count <= most and first + count <= 0x10000


def _is_block(body, function, most=None):
    if len(body) < 5:
        return False
    count, size = int.from_bytes(body[2:4]), body[4]
    most = most or {15: 1968, 16: 123}[function]
    wanted = (count + 7) // 8 if function == 15 else 2 * count
    return _fits(body, most) and size == wanted == len(body) - 5


class Lost(Exception):  # noqa: N818 - what happened, not an error of ours
    """The peer closed or reset the connection, or said nothing for WAIT_S."""


class Answer(NamedTuple):
    """One answer as the client got it."""

    raw: bytes
    seconds: float

    @property
    def tid(self):
        return int.from_bytes(self.raw[:2])

    @property
    def pdu(self):
        return self.raw[7:]

    @property
    def exception(self):
        """Exception code, 0 for none, -1 where it is missing."""
        if len(self.raw) < 8 or not self.raw[7] & 0x80:
            return 0
        return self.raw[8] if len(self.raw) > 8 else -1


class Caller:
    """A blocking Modbus client. Every answer is taken as a whole ADU; nothing is hidden."""

    def __init__(self, port, source=LOOPBACK, wait_s=WAIT_S):
        self.socket = socket.create_connection((LOOPBACK, port), wait_s, source_address=(source, 0))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._held = b""

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        self.close()

    def send(self, data):
        """Send bytes. Raises Lost."""
        try:
            self.socket.sendall(data)
        except OSError as error:
            raise Lost(str(error)) from error

    def receive(self, wait_s=WAIT_S):
        """Return the next ADU and how long it took. Raises Lost."""
        started = time.monotonic()
        self._fill(6, started + wait_s)
        size = 6 + int.from_bytes(self._held[4:6])
        self._fill(size, started + wait_s)
        raw, self._held = self._held[:size], self._held[size:]
        return Answer(raw, time.monotonic() - started)

    def ask(self, pdu, unit=1, tid=None, wait_s=WAIT_S):
        """Send a request and return the answer, which carries its identifier. Raises Lost."""
        tid = next_tid() if tid is None else tid
        self.send(adu(tid, pdu, unit))
        answer = self.receive(wait_s)
        if answer.tid != tid or answer.raw[6] != unit or answer.raw[7] & 0x7F != pdu[0]:
            raise Lost(f"asked {tid}/{unit}/{pdu[0]}, got {answer.raw[:9].hex()}")
        return answer

    def quiet(self, seconds):
        """Return what comes within `seconds`: bytes, or None where the peer closed."""
        self.socket.settimeout(seconds)
        try:
            data = self.socket.recv(65536)
        except TimeoutError:
            return self._held
        except OSError:
            return None
        return self._held + data if data else None

    def closed_within(self, seconds):
        """Say whether the peer closes within `seconds`; what it sends before is thrown away."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                if not self.socket.recv(65536):
                    return True
            except TimeoutError:
                return False
            except OSError:
                return True
        return False

    def reset(self):
        """Close with RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def close(self):
        """Close."""
        self.socket.close()

    def _fill(self, size, until):
        while len(self._held) < size:
            left = until - time.monotonic()
            if left <= 0:
                raise Lost("no answer")
            self.socket.settimeout(left)
            try:
                data = self.socket.recv(65536)
            except TimeoutError as error:
                raise Lost("no answer") from error
            except OSError as error:
                raise Lost(str(error)) from error
            if not data:
                raise Lost("closed")
            self._held += data
