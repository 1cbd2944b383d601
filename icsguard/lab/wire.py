"""A plain Modbus client on one TCP connection, for the lab's SCADA and attackers: it sends whatever it is told to.

No retries, no reconnection, no judgement of what is sent: bytes go out as given, and what comes back is told with the
time it took. It binds to a loopback address of its own, so that clients can be told apart by address.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self

from icsguard.protocols.modbus import build
from icsguard.protocols.modbus.mbap import Framer

ANSWER_S: Final = 1.5
"""How long a client waits; longer than the gateway's own device timeout, as a patient SCADA does."""
_CHUNK: Final = 4096
_EXCEPTION: Final = 0x80


class Fate(StrEnum):
    """What became of one request, as its client sees it."""

    ANSWERED = "answered"
    REFUSED = "refused"
    """An exception response."""
    SILENT = "silent"
    """No answer in time."""
    CLOSED = "closed"
    """The connection ended, or could not be opened."""


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to one request."""

    fate: Fate
    pdu: bytes
    """Empty where none came."""
    seconds: float
    """From sending to knowing."""

    @property
    def exception(self) -> int:
        """The exception code; 0 where it is none."""
        return self.pdu[1] if self.fate is Fate.REFUSED else 0

    @property
    def words(self) -> tuple[int, ...]:
        """The registers of an answered read of functions 3, 4 or 23."""
        return tuple(int.from_bytes(self.pdu[at : at + 2], "big") for at in range(2, len(self.pdu) - 1, 2))


class Line:
    """One connection. `await Line.open(...)` makes it; raises OSError where nobody listens."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._framer = Framer()
        self._tid = 0

    @classmethod
    async def open(cls, port: int, source: str, host: str = "127.0.0.1") -> Self:
        """Connect from the loopback address `source`."""
        reader, writer = await asyncio.wait_for(
            asyncio.open_connection(host, port, local_addr=(source, 0)),
            ANSWER_S,
        )
        return cls(reader, writer)

    async def ask(self, pdu: bytes, unit: int = 1, within_s: float = ANSWER_S) -> Reply:
        """Send one request and wait for its answer."""
        return (await self.burst([pdu], unit, within_s))[0]

    async def burst(self, pdus: list[bytes], unit: int = 1, within_s: float = ANSWER_S) -> list[Reply]:
        """Send requests stacked in one segment and wait for all their answers."""
        tids = [self.next_tid() for _ in pdus]
        data = b"".join(build.adu(tid, unit, pdu) for tid, pdu in zip(tids, pdus, strict=True))
        return await self.exchange(data, tids, within_s)

    async def exchange(self, data: bytes, tids: list[int], within_s: float = ANSWER_S) -> list[Reply]:
        """Send bytes as they are and wait for an answer to each of these transaction identifiers."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        replies: dict[int, Reply] = {}
        fate = Fate.SILENT
        try:
            self._writer.write(data)
            async with asyncio.timeout(within_s):
                while len(replies) < len(tids):
                    for tid, pdu in await self._frames():
                        if tid in tids:
                            replies[tid] = _reply(pdu, loop.time() - began)
        except TimeoutError:
            fate = Fate.SILENT
        except OSError:
            fate = Fate.CLOSED
        lost = Reply(fate, b"", loop.time() - began)
        return [replies.get(tid, lost) for tid in tids]

    def close(self) -> None:
        """End the connection."""
        self._writer.close()

    async def _frames(self) -> list[tuple[int, bytes]]:
        data = await self._reader.read(_CHUNK)
        if not data:
            raise ConnectionResetError("the other side closed")
        frames = [(frame.tid, frame.pdu) for frame in self._framer.feed(data)]
        if self._framer.fatal:
            raise ConnectionResetError(self._framer.fatal.text)
        return frames

    def next_tid(self) -> int:
        """Return a transaction identifier that was not used lately."""
        self._tid = self._tid % 0xFFFF + 1
        return self._tid


def _reply(pdu: bytes, seconds: float) -> Reply:
    return Reply(Fate.REFUSED if pdu[0] & _EXCEPTION else Fate.ANSWERED, pdu, seconds)
