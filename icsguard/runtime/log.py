"""What a process says about itself: events with fields, to stderr; evidence goes to the recorder instead.

On a terminal one readable line an event; elsewhere one JSON object a line. A thread writes, from a bounded queue: a
terminal that is paused, or a pipe that nobody reads, must never stop a gateway.
"""

from __future__ import annotations

import atexit
import json
import queue
import sys
import threading
from collections.abc import Mapping, MutableMapping
from datetime import UTC, datetime
from typing import Any, Final, TextIO

import structlog

from icsguard.evidence.escape import plain

MAX_LINES: Final = 1_000  # lines that wait for a slow reader; more are dropped, and the next line says how many
FLUSH_S: Final = 1.0
"""How long the end of the process waits for the last lines to be read."""
_LEVELS: Final = {"debug": 10, "info": 20, "warning": 30, "error": 40}

Event = MutableMapping[str, Any]
"""An event on its way through structlog's chain; only this module sees it untyped."""


class QueuedWriter:
    """A file for structlog whose `write` returns at once; complete lines go out in their order."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._lines: queue.Queue[str] = queue.Queue(MAX_LINES)
        self._lost = 0
        self._thread = threading.Thread(target=self._write_lines, name="log", daemon=True)
        self._thread.start()

    def write(self, line: str) -> None:
        """Queue a line; drop and count it where MAX_LINES wait already."""
        try:
            self._lines.put_nowait(line)
        except queue.Full:
            self._lost += 1

    def flush(self) -> None:
        """Do nothing: the thread flushes after each line."""

    def close(self) -> None:
        """Wait until what was written is out, at most FLUSH_S."""
        self.write("")
        self._thread.join(FLUSH_S)

    def _write_lines(self) -> None:
        while line := self._lines.get():
            if self._lost:
                line += f"{self._lost} log lines were lost: nobody read them\n"
                self._lost = 0
            try:
                self._out.write(line)
                self._out.flush()
            except (OSError, ValueError):
                return  # the reader is gone for good: later lines fill the queue and are dropped


def configure(process: str, *, level: str = "info", out: TextIO | None = None) -> None:
    """Set structlog up for this process, once at its start. `process` is in every event."""
    out = out or sys.stderr
    writer = QueuedWriter(out)
    atexit.register(writer.close)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            _stamped,
            readable if out.isatty() else as_json,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.WriteLoggerFactory(file=writer),  # type: ignore[arg-type]  # it writes and flushes
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(process=process)


def as_json(_logger: object, _method: str, event: Event) -> str:
    """Return the event as one line of JSON; ASCII only, so nothing in it can move a cursor or forge a line."""
    first = {"at": event.pop("at", ""), "level": event.pop("level", ""), "process": event.pop("process", "")}
    return json.dumps({**first, **event}, default=str)


def readable(_logger: object, _method: str, event: Event) -> str:
    """Return the event as one line for people; whatever came from the network is escaped."""
    at, level = str(event.pop("at", "")), str(event.pop("level", ""))
    process, name = str(event.pop("process", "")), plain(str(event.pop("event", "")))
    mark = "" if level == "info" else f"{level.upper()} "
    trace = event.pop("exception", None)
    line = f"{at[11:19]} {process:<10} {mark}{name}{_fields(event)}"
    return line if trace is None else f"{line}\n{trace}"


def _fields(event: Mapping[str, Any]) -> str:
    return "".join(f"  {name}={plain(str(value))}" for name, value in event.items())


def _stamped(_logger: object, _method: str, event: Event) -> Event:
    event["at"] = datetime.now(tz=UTC).isoformat(timespec="milliseconds")  # noqa: TID251 - a log line is of the wall
    return event
