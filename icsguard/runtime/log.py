"""What a process says about itself: events with fields, to stderr; evidence goes to the recorder instead.

On a terminal one readable line an event; elsewhere one JSON object a line. A thread writes, from a bounded queue: a
terminal that is paused, or a pipe that nobody reads, must never stop a gateway. No library: the usual one takes a fifth
of the time in which a gateway is back after a crash.
"""

from __future__ import annotations

import atexit
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from queue import SimpleQueue
from typing import Final, TextIO

import msgspec

from icsguard.evidence.escape import plain

MAX_LINES: Final = 1_000  # lines that wait for a slow reader; more are dropped, and the next line says how many
FLUSH_S: Final = 1.0
"""How long the end of the process waits for the last lines to be read."""
_LEVELS: Final = {"debug": 10, "info": 20, "warning": 30, "error": 40}

Event = dict[str, object]
"""An event with its fields; `event` is its name, and `at`, `level`, `process` come first."""


class Logger:
    """Says events; each module has one."""

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def debug(self, event: str, **fields: object) -> None:
        """Say something that only a developer asks for."""
        _say("debug", event, fields)

    def info(self, event: str, **fields: object) -> None:
        """Say what happened."""
        _say("info", event, fields)

    def warning(self, event: str, **fields: object) -> None:
        """Say something that somebody should look at."""
        _say("warning", event, fields)

    def error(self, event: str, *, exc_info: BaseException | None = None, **fields: object) -> None:
        """Say what went wrong; `exc_info`: with its trace."""
        _say("error", event, fields if exc_info is None else {**fields, "exception": _trace(exc_info)})

    def exception(self, event: str, **fields: object) -> None:
        """Say what went wrong, with the trace of the exception that is being handled."""
        self.error(event, exc_info=sys.exc_info()[1], **fields)


def get_logger(name: str = "") -> Logger:
    """Return the logger of a module."""
    return Logger(name)


class QueuedWriter:
    """Takes lines at once; they go out in their order."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._lines: SimpleQueue[str] = SimpleQueue()  # without a lock of Python's, for which a loop could have to wait
        self._lost = 0
        self._thread = threading.Thread(target=self._write_lines, name="log", daemon=True)
        self._thread.start()

    def write(self, line: str) -> None:
        """Queue a line; drop and count it where MAX_LINES wait already."""
        if self._lines.qsize() < MAX_LINES:
            self._lines.put(line)
        else:
            self._lost += 1

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


def _to_stderr(event: Event) -> None:
    """Write an event of a process that configured nothing: a test, or a command."""
    sys.stderr.write(readable(event) + "\n")


class _Chain:
    """Where events go: one for the process."""

    def __init__(self) -> None:
        self.process = ""
        self.level = _LEVELS["info"]
        self.out: Callable[[Event], None] = _to_stderr


_CHAIN: Final = _Chain()


def configure(process: str, *, level: str = "info", out: TextIO | None = None) -> None:
    """Set the log of this process up, once at its start. `process` is in every event."""
    out = out or sys.stderr
    writer, shape = QueuedWriter(out), readable if out.isatty() else as_json
    atexit.register(writer.close)
    _CHAIN.process, _CHAIN.level = process, _LEVELS[level]
    _CHAIN.out = lambda event: writer.write(shape(event) + "\n")


@contextmanager
def captured() -> Iterator[list[Event]]:
    """Collect the events meanwhile instead of writing them: for tests."""
    events: list[Event] = []
    before, _CHAIN.out = _CHAIN.out, events.append
    try:
        yield events
    finally:
        _CHAIN.out = before


def _say(level: str, name: str, fields: Mapping[str, object]) -> None:
    if _LEVELS[level] < _CHAIN.level:
        return
    at = datetime.now(tz=UTC).isoformat(timespec="milliseconds")  # noqa: TID251 - a log line is of the wall
    _CHAIN.out({"at": at, "level": level, "process": _CHAIN.process, **fields, "event": name})


def _trace(error: BaseException) -> str:
    import traceback  # noqa: PLC0415 - most processes never need it

    return "".join(traceback.format_exception(error)).rstrip()


def as_json(event: Event) -> str:
    """Return the event as one line of JSON; ASCII only, so nothing in it can move a cursor or forge a line."""
    first = {name: event.get(name, "") for name in ("at", "level", "process")}
    try:
        line = msgspec.json.encode({**first, **event}, enc_hook=str).decode()
    except (UnicodeEncodeError, msgspec.MsgspecError, TypeError, OverflowError):
        line = "\udc80"  # a name that is no text, a number that is too large: the patient way
    if line.isascii():
        return line
    import json  # noqa: PLC0415 - rarely needed

    return json.dumps({**first, **event}, default=str)


def readable(event: Event) -> str:
    """Return the event as one line for people; whatever came from the network is escaped."""
    event = dict(event)
    at, level = str(event.pop("at", "")), str(event.pop("level", ""))
    process, name = str(event.pop("process", "")), plain(str(event.pop("event", "")))
    mark = "" if level == "info" else f"{level.upper()} "
    trace = event.pop("exception", None)
    line = f"{at[11:19]} {process:<10} {mark}{name}{_fields(event)}"
    return line if trace is None else f"{line}\n{trace}"


def _fields(event: Mapping[str, object]) -> str:
    return "".join(f"  {name}={plain(str(value))}" for name, value in event.items())
