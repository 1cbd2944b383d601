"""From records in memory to lines on disk: a bounded queue, numbers without holes, groups that share one fsync.

`put` belongs to the event loop, `flush` to the writer thread. A record gets its number when it is written, so a disk
that fails leaves no hole: records wait, and what finds no room is counted until it can be said as a gap.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from itertools import islice
from typing import Final

from icsguard.core.record import Record
from icsguard.evidence.record_json import record_line
from icsguard.runtime.rotating import Opened, RotatingLines

MAX_QUEUED: Final = 20_000
"""Records that wait for the disk, some 40 MB: ten seconds of a flood. Beyond it the newest are dropped and counted."""
MAX_GROUP: Final = 500
"""Records that share one write and one fsync."""


class RecordWriter:
    """Writes records to one series of files."""

    def __init__(self, files: RotatingLines, host: str, shift: Callable[[], int]) -> None:
        """`shift` gives what to add to a record's moment for the wall clock, in ns."""
        self.seq = 0
        """Number of the last line on disk."""
        self.dropped = 0
        """Records that found no room since `take_dropped` was last called."""
        self.written = 0
        self.bytes_written = 0
        self._files = files
        self._host = host
        self._shift = shift
        self._queue: deque[Record] = deque()
        self.is_open = False
        """The files are open and the last number is known."""

    @property
    def waiting(self) -> int:
        """How many records wait for the disk."""
        return len(self._queue)

    def put(self, record: Record) -> bool:
        """Queue a record; False where it found no room."""
        if len(self._queue) >= MAX_QUEUED:
            self.dropped += record.repeated
            return False
        self._queue.append(record)
        return True

    def take_dropped(self) -> int:
        """Return how many records were dropped, once there is room to say so; 0 otherwise."""
        if len(self._queue) >= MAX_QUEUED // 2:
            return 0
        dropped, self.dropped = self.dropped, 0
        return dropped

    def take_waiting(self) -> list[Record]:
        """Take out and return what waits: other files will have it."""
        waiting = list(self._queue)
        self._queue.clear()
        return waiting

    def open(self) -> Opened:
        """Open the files and find the last number. Blocks; raises OSError."""
        opened = self._files.open()
        self.seq, self.is_open = opened.last_seq, True
        return opened

    def flush(self) -> int:
        """Write one group; return how many records it had. Blocks; raises OSError, and then the queue is as before."""
        if not self.is_open:
            self.open()
        group = list(islice(self._queue, MAX_GROUP))
        if group:
            shift = self._shift()
            lines = [
                record_line(record, record.at + shift, self._host, self.seq + place)
                for place, record in enumerate(group, 1)
            ]
            self._files.append(lines)
            self.seq += len(group)
            self.written += len(group)
            self.bytes_written += sum(map(len, lines))
            for _ in group:
                self._queue.popleft()
        return len(group)

    def close(self) -> None:
        """Close the files."""
        self._files.close()
        self.is_open = False
