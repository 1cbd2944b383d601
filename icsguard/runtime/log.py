"""What a process says about itself: events with fields, to stderr; evidence goes to the recorder instead.

On a terminal one readable line an event; elsewhere one JSON object a line. A thread shapes and writes the lines, from a
bounded queue: a terminal that is paused, or a pipe that nobody reads, must never stop a gateway. The gateway leaves
even the loading of structlog to that thread, because a start after a crash has no time for it.
"""

from __future__ import annotations

import atexit
import sys
import threading
from collections.abc import Mapping, MutableMapping
from datetime import UTC, datetime
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TextIO

from icsguard.evidence.escape import plain

if TYPE_CHECKING:
    from types import ModuleType

MAX_LINES: Final = 1_000  # lines that wait for a slow reader; more are dropped, and the next line says how many
FLUSH_S: Final = 1.0
"""How long the end of the process waits for the last lines to be read."""
_LEVELS: Final = {"debug": 10, "info": 20, "warning": 30, "error": 40}

Event = MutableMapping[str, Any]
"""An event on its way through structlog's chain; only this module sees it untyped."""


class Said(NamedTuple):
    """An event that waits for the thread."""

    level: str
    name: str
    fields: Mapping[str, Any]
    at: str


class Logger:
    """Says events; each module has one. Before `configure` they go to structlog as it is by default."""

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

    def error(self, event: str, **fields: object) -> None:
        """Say what went wrong; `exc_info` brings the trace of an exception."""
        _say("error", event, fields)

    def exception(self, event: str, **fields: object) -> None:
        """Say what went wrong, with the trace of the exception that is being handled."""
        _say("error", event, {**fields, "exc_info": sys.exc_info()[1]})


def get_logger(name: str = "") -> Logger:
    """Return the logger of a module."""
    return Logger(name)


class QueuedWriter:
    """Takes events at once; their lines go out in their order, shaped by structlog."""

    def __init__(self, out: TextIO, process: str, level: str) -> None:
        self._out = out
        self._process, self._level = process, level
        self._waiting: SimpleQueue[Said | None] = SimpleQueue()  # without a lock of Python's to wait for
        self._lost = 0
        self._thread = threading.Thread(target=self._write_lines, name="log", daemon=True)
        self._thread.start()

    def say(self, said: Said | None) -> None:
        """Queue an event; drop and count it where MAX_LINES wait already."""
        if self._waiting.qsize() < MAX_LINES:
            self._waiting.put(said)
        else:
            self._lost += 1

    def close(self) -> None:
        """Wait until what was said is out, at most FLUSH_S."""
        self.say(None)
        self._thread.join(FLUSH_S)

    def write(self, line: str) -> None:
        """Write a shaped line: for structlog, in the thread."""
        if self._lost:
            line += f"{self._lost} log lines were lost: nobody read them\n"
            self._lost = 0
        self._out.write(line)

    def flush(self) -> None:
        """Have the line go out: for structlog, in the thread."""
        self._out.flush()

    def _write_lines(self) -> None:
        logger: object = None
        while (said := self._waiting.get()) is not None:
            try:
                logger = logger or self._logger()
                getattr(logger, said.level)(said.name, at=said.at, **said.fields)
            except (OSError, ValueError):
                return  # the reader is gone for good: later lines fill the queue and are dropped

    def _logger(self) -> object:
        structlog = load()
        logger: object = structlog.wrap_logger(
            structlog.WriteLogger(self),  # it writes and flushes
            processors=[
                structlog.processors.add_log_level,
                structlog.processors.format_exc_info,
                readable if self._out.isatty() else as_json,
            ],
            wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[self._level]),
            process=self._process,
        ).bind()
        return logger


_WRITERS: Final[list[QueuedWriter]] = []
"""At its end the one in use; empty until the process is configured."""


def configure(process: str, *, level: str = "info", out: TextIO | None = None, later: bool = False) -> None:
    """Set the log of this process up, once at its start. `process` is in every event.

    `later`: the thread loads structlog at the first line. For a process that never imports rich, see `load`.
    """
    if not later:
        load()
    writer = QueuedWriter(out or sys.stderr, process, level)
    atexit.register(writer.close)
    _WRITERS.append(writer)


def load() -> ModuleType:
    """Return structlog, loaded without rich: it would bring some eighty modules for tracebacks in colour."""
    if "structlog" not in sys.modules and "rich" not in sys.modules:
        sys.modules["rich"] = None  # type: ignore[assignment]  # the import system's own word for: not to be had
        try:
            import structlog  # noqa: PLC0415 - see above
        finally:
            del sys.modules["rich"]
    import structlog  # noqa: PLC0415

    return structlog


def _say(level: str, name: str, fields: Mapping[str, object]) -> None:
    if not _WRITERS:
        getattr(load().get_logger(), level)(name, **fields)
        return
    at = datetime.now(tz=UTC).isoformat(timespec="milliseconds")  # noqa: TID251 - a log line is of the wall
    _WRITERS[-1].say(Said(level, name, fields, at))


def as_json(_logger: object, _method: str, event: Event) -> str:
    """Return the event as one line of JSON; ASCII only, so nothing in it can move a cursor or forge a line."""
    import json  # noqa: PLC0415 - in the thread

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
