"""Ships records to a syslog server: RFC 5424 over TCP, framed by octet counting, at least once.

It reads the recorder's own files from a place that it keeps over restarts, so a server that was away for hours misses
nothing that rotation and the spool's bound keep. TCP syslog knows no acknowledgement: after each break the last REPLAY
lines go out again, and the record's id tells them apart.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from icsguard.config.settings import SyslogSettings
from icsguard.core.record import Record
from icsguard.evidence.api import Formatter
from icsguard.evidence.record_json import parse_line
from icsguard.evidence.syslog5424 import framed
from icsguard.runtime.cursor import Cursor
from icsguard.runtime.log import get_logger
from icsguard.runtime.tail import Line, RecordTail
from icsguard.runtime.tasks import spawn

REPLAY: Final = 200  # lines sent again after a break: more than the 64 kB that a socket's buffer holds of them
CONNECT_S: Final = 5.0
STALL_S: Final = 15.0
"""A server that accepts but does not read for so long is left and tried again."""
IDLE_S: Final = 0.25
"""Between two looks at the connection; new lines wake earlier."""
MIN_PAUSE_S: Final = 0.2
MAX_PAUSE_S: Final = 30.0
"""Between two tries to connect: a server that is back after a night is found soon."""
MAX_URGENT: Final = 1_000
"""Records that go round the disk while it fails; beyond it the oldest of them go, counted."""
_LOG: Final = get_logger("icsguard.syslog")


@dataclass(slots=True)
class Shipped:
    """How shipping goes; part of the recorder's status."""

    state: str = "connecting"
    """`connecting`, `connected`, or `away: ` and why."""
    seq: int = 0
    """Number of the last line that was handed to the connection."""
    messages: int = 0
    lost: int = 0
    """Lines that rotation or the spool's bound took before they could be sent, and urgent ones that found no room."""
    breaks: int = 0


class SyslogShipper:
    """One server. `run` works until it is cancelled and never raises for anything that server or disk do."""

    def __init__(  # one shipper a process: it is told everything once
        self,
        settings: SyslogSettings,
        formatter: Formatter,
        tail: RecordTail,
        cursor: Cursor,
        *,
        shift: Callable[[], int],
    ) -> None:
        """`shift` gives what to add to an urgent record's moment for the wall clock, in ns."""
        self.shipped = Shipped()
        self._settings = settings
        self._formatter = formatter
        self._tail = tail
        self._cursor = cursor
        self._shift = shift
        self._urgent: deque[Record] = deque(maxlen=MAX_URGENT)
        self._wake = asyncio.Event()
        self._moved = asyncio.Event()
        self._reading: asyncio.Task[list[Line]] | None = None
        self._pause = MIN_PAUSE_S
        self._seen = 0

    def wake(self) -> None:
        """Say that there are new lines."""
        self._wake.set()

    def urgent(self, record: Record) -> None:
        """Send a record that could not be written to disk."""
        if len(self._urgent) == MAX_URGENT:
            self.shipped.lost += 1
        self._urgent.append(record)
        self._wake.set()

    async def reach(self, seq: int) -> None:
        """Wait until line `seq` was handed to the connection, or there is no connection."""
        while self.shipped.state == "connected" and self.shipped.seq < seq:
            self._moved.clear()
            self.wake()
            await self._moved.wait()

    async def run(self, start: int | None) -> None:
        """Ship until cancelled. `start` is the last line of earlier runs, None where the disk could not tell.

        It is the place to begin where no place is kept, and a kept place beyond it belongs to files that are gone.
        """
        kept = await asyncio.to_thread(self._cursor.load)
        places = [place for place in (start, kept) if place is not None]
        self.shipped.seq = min(places, default=0)
        try:
            while True:
                try:
                    await self._session()
                except (OSError, TimeoutError) as error:
                    self._broke(error)
                await asyncio.sleep(self._pause)
                self._pause = min(2 * self._pause, MAX_PAUSE_S)
        finally:
            if self._reading is not None:  # cancelled in the midst of a read: the thread still uses the file
                await asyncio.wait([self._reading])
            self._keep_place()
            self._tail.close()

    def _broke(self, error: Exception) -> None:
        why = str(error) or type(error).__name__
        if self.shipped.state == "connected":
            self.shipped.breaks += 1
        if not self.shipped.state.startswith("away"):
            _LOG.warning("syslog_away", server=f"{self._settings.host}:{self._settings.port}", error=why)
        self.shipped.state = f"away: {why}"
        self._moved.set()

    async def _session(self) -> None:
        """Connect and ship; raises OSError or TimeoutError when the connection is over."""
        async with asyncio.timeout(CONNECT_S):
            reader, writer = await asyncio.open_connection(self._settings.host, self._settings.port)
        try:
            _LOG.info("syslog_connected", server=f"{self._settings.host}:{self._settings.port}")
            self.shipped.state = "connected"
            self._pause = MIN_PAUSE_S
            self._tail.seek(max(0, self.shipped.seq - REPLAY))
            while True:
                await self._step(reader, writer)
        except (OSError, TimeoutError):
            writer.transport.abort()  # what it did not take in time is sent again on the next connection
            raise
        finally:
            writer.close()
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(CONNECT_S):
                    await writer.wait_closed()

    async def _step(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Send what waits; where nothing does, watch the connection and wait for more."""
        self._wake.clear()
        urgent = [self._urgent.popleft() for _ in range(len(self._urgent))]
        messages = [framed(self._formatter.format(record, record.at + self._shift(), 0)) for record in urgent]
        self._reading = spawn(asyncio.to_thread(self._next_lines), "syslog-read")
        lines: list[Line] = await asyncio.shield(self._reading)
        messages += [message for line in lines if (message := self._message(line))]
        if reader.at_eof():
            raise ConnectionResetError("the server closed the connection")
        writer.write(b"".join(messages))
        async with asyncio.timeout(STALL_S):
            await writer.drain()
        self.shipped.messages += len(messages)
        if lines:
            self.shipped.seq = max(self.shipped.seq, lines[-1].seq)
            self._moved.set()
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(IDLE_S):
                await self._wake.wait()

    def _message(self, line: Line) -> bytes:
        parsed = parse_line(line.data)
        if parsed is None:  # a line that a crash tore: a gap record speaks of it
            return b""
        return framed(self._formatter.format(parsed.record, parsed.wall_ns, line.seq))

    def _next_lines(self) -> list[Line]:
        """Return the next lines from the files; those that the spool's bound or rotation took are counted as lost."""
        try:
            lines = self._counted(self._tail.read())
            while lines and self._tail.bytes_left() > self._settings.spool_max_bytes:
                self.shipped.lost += sum(line.seq > self.shipped.seq for line in lines)
                self.shipped.seq = max(self.shipped.seq, lines[-1].seq)
                lines = self._counted(self._tail.read())
        except OSError as error:
            _LOG.warning("records_unreadable", error=str(error))
            return []
        if not lines:
            self._keep_place()
        return lines

    def _counted(self, lines: list[Line]) -> list[Line]:
        """Count the numbers that are missing before and between these lines and were not sent yet."""
        for line in lines:
            known = max(self.shipped.seq, self._seen)
            self.shipped.lost += max(0, line.seq - known - 1)
            self._seen = max(known, line.seq)
        return lines

    def _keep_place(self) -> None:
        try:
            self._cursor.save(self.shipped.seq)
        except OSError as error:
            _LOG.warning("syslog_place_not_kept", error=str(error))
