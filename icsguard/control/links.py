"""What the three processes say to each other: one tagged union, msgpack, a length before each message.

The gateway listens; shadow and recorder connect, say Hello, get Configure, then Batches. Pure: runtime/link.py carries
the bytes. Messages are small structs written as arrays, because a batch crosses the socket every few milliseconds.
"""

from __future__ import annotations

from typing import Final

import msgspec

from icsguard.core.finding import Finding
from icsguard.core.isolation import IsolationRequest
from icsguard.core.live import PointState
from icsguard.core.record import Record
from icsguard.core.sandbox import Option, Sandbox
from icsguard.core.transaction import Opinion, Question, Transaction

MAX_FRAME: Final = 4 * 1024 * 1024
"""Bytes of one message. A full batch of 256 largest transactions is 160 kB; settings of a large site about 1 MB."""
PREFIX: Final = 4
"""Bytes of the big-endian length before each message."""
MAX_BATCH: Final = 256
"""Events in one batch; the gateway flushes at this many, seven milliseconds of full load. Each batch wakes two
processes on another core, some 5 us of the gateway's time for each."""


class _Message(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """Common shape: an array whose first element is the message's name."""


class Hello(_Message, frozen=True):
    """First message of shadow and recorder."""

    role: str
    """`shadow` or `recorder`."""
    pid: int
    version: str
    model_digest: str = ""


class Configure(_Message, frozen=True):
    """The settings in force. Gateway to others: right after Hello, and again after each reload or mode change."""

    settings: bytes
    """msgpack of config.settings.Settings."""
    anchor: int
    """The gateway's clock anchor, ns: `runtime.clock.Clock(anchor)` gives the same `now`."""
    run: str = ""
    """Id of this run of the gateway; record ids begin with it."""
    modes: tuple[tuple[str, str], ...] = ()
    """(conduit, mode) in force; an operator may have changed what the settings say."""


class Batch(_Message, frozen=True):
    """Mirrored traffic and records, gateway to shadow (records empty) and recorder."""

    transactions: list[Transaction]
    records: list[Record]
    lost_transactions: int = 0
    """How many the gateway shed since the batch before, because a bound was reached."""
    lost_records: int = 0


class Ask(_Message, frozen=True):
    """May this write go? Gateway to shadow."""

    question: Question


class Answer(_Message, frozen=True):
    """The shadow's opinion."""

    opinion: Opinion


class Found(_Message, frozen=True):
    """What the shadow found by itself."""

    findings: tuple[Finding, ...] = ()
    isolations: tuple[IsolationRequest, ...] = ()


class Ping(_Message, frozen=True):
    """Are you there? Answered with a Pong of the same number."""

    number: int


class Pong(_Message, frozen=True):
    """I am here."""

    number: int


class Status(_Message, frozen=True):
    """How shadow or recorder are, every second; shown by `icsguard status`."""

    role: str
    facts: dict[str, str | int | float]


class PointsRequest(_Message, frozen=True):
    """How do the points stand? Gateway to shadow, on behalf of `icsguard points`."""

    number: int
    conduit: str = ""
    """Empty for all conduits."""


class PointsReply(_Message, frozen=True):
    """The answer to the PointsRequest of the same number."""

    number: int
    points: tuple[PointState, ...]


class TryRequest(_Message, frozen=True):
    """What would come of these alternatives? Gateway to shadow, on behalf of an operator."""

    number: int
    conduit: str
    options: tuple[Option, ...]


class TryReply(_Message, frozen=True):
    """The answer to the TryRequest of the same number."""

    number: int
    result: Sandbox


class LinkRecords(_Message, frozen=True):
    """Records that shadow or recorder themselves want on record (for example a model that was refused)."""

    records: tuple[Record, ...]


Message = (
    Hello
    | Configure
    | Batch
    | Ask
    | Answer
    | Found
    | Ping
    | Pong
    | Status
    | PointsRequest
    | PointsReply
    | TryRequest
    | TryReply
    | LinkRecords
)
"""Everything that crosses a link."""

_ENCODER: Final = msgspec.msgpack.Encoder()
_NO_BYTES: Final = b"\xc4\x00"
"""No bytes, as msgpack writes them; `_BYTES`: the mark of bytes whose length follows as four bytes."""
_BYTES: Final = b"\xc6"
_SETTINGS_AT: Final = _ENCODER.encode(Configure(b"", 0)).index(_NO_BYTES)
_DECODER: Final[msgspec.msgpack.Decoder[Message]] = msgspec.msgpack.Decoder(Message)


def encode(message: Message) -> bytes:
    """Return `message` with its length in front. Raises ValueError where it is larger than MAX_FRAME."""
    body = _ENCODER.encode(message)
    return _length(message, len(body)) + body


def parts(message: Configure) -> tuple[bytes, ...]:
    """Return the parts that make the encoded message when joined, the settings as they are. Raises ValueError.

    For settings of some megabytes, which take longer to copy than to send.
    """
    hull = _ENCODER.encode(Configure(b"", message.anchor, message.run, message.modes))
    before, after = hull[:_SETTINGS_AT], hull[_SETTINGS_AT + len(_NO_BYTES) :]
    head = before + _BYTES + len(message.settings).to_bytes(4, "big")
    size = len(head) + len(message.settings) + len(after)
    return _length(message, size) + head, message.settings, after


def _length(message: Message, size: int) -> bytes:
    if size > MAX_FRAME:
        raise ValueError(f"a {type(message).__name__} of {size} bytes is above the bound of {MAX_FRAME}")
    return size.to_bytes(PREFIX, "big")


def decode(body: bytes | memoryview) -> Message:
    """Return the message in `body` (without its length). Raises msgspec.MsgspecError or ValueError if there is none."""
    try:
        return _DECODER.decode(body)
    except RecursionError as error:
        raise ValueError("a message is nested too deeply") from error


class FrameSplitter:
    """Cuts a byte stream into message bodies, whatever the chopping. The stream is ours: a breach raises ValueError."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Return the bodies that are complete with `data`. Raises ValueError on a length above MAX_FRAME."""
        held = self._held
        if not held and len(data) > PREFIX and int.from_bytes(data[:PREFIX], "big") == len(data) - PREFIX <= MAX_FRAME:
            return [data[PREFIX:]]  # one whole message, as nearly always
        held += data
        bodies: list[bytes] = []
        start = 0
        while len(held) - start >= PREFIX:
            size = int.from_bytes(held[start : start + PREFIX], "big")
            if size > MAX_FRAME:
                raise ValueError(f"a message of {size} bytes is announced, above the bound of {MAX_FRAME}")
            if len(held) - start - PREFIX < size:
                break
            bodies.append(bytes(held[start + PREFIX : start + PREFIX + size]))
            start += PREFIX + size
        del held[:start]
        return bodies
