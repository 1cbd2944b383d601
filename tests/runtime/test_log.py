import io
import json
import os
import subprocess
import sys
from pathlib import Path

from icsguard.runtime import log
from icsguard.runtime.log import QueuedWriter, as_json, readable


def test_a_json_line_begins_with_when_how_grave_and_who():
    line = as_json({"event": "started", "at": "t", "level": "info", "process": "shadow", "pid": 5})
    assert ["at", "level", "process", "event", "pid"] == list(json.loads(line))


def test_text_from_the_network_cannot_move_the_cursor_or_forge_a_line():
    hostile = "\x1b[2Jx\nERROR forged \x9b1m \u202e"
    event = {
        "event": "refused",
        "at": "2026-11-20T10:42:07.000",
        "level": "warning",
        "process": "gateway",
        "name": hostile,
    }
    for shown in (readable(event), as_json(event)):
        assert not {"\x1b", "\n", "\x9b", "\u202e"} & set(shown)
    assert readable(event).startswith("10:42:07 gateway    WARNING refused")


def test_a_reader_that_does_not_read_stops_nobody_and_is_told_what_it_missed(monkeypatch):
    monkeypatch.setattr(log, "MAX_LINES", 3)
    read_end, write_end = os.pipe()
    with os.fdopen(read_end, "r") as reader, os.fdopen(write_end, "w") as out:
        writer = QueuedWriter(out)
        for number in range(100):  # 100 kB: more than the pipe holds, and nobody reads
            writer.write(f"{number} {'x' * 4000}\n")
        lines = [reader.readline()]
        for _ in range(100):
            lines.append(reader.readline())
            writer.write("more\n")
            if "lost" in lines[-1]:
                break
        assert lines[0].startswith("0 x")
        assert "log lines were lost" in lines[-1]


def test_the_last_lines_are_out_before_the_process_ends():
    script = "from icsguard.runtime import log; log.configure('test'); log.get_logger().info('bye', n=1)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    event = json.loads(done.stderr)
    assert ("bye", 1, "test", "info") == tuple(event[name] for name in ("event", "n", "process", "level"))


def test_a_crash_has_its_trace_below_the_line():
    shown = readable({"event": "failed", "at": "", "level": "error", "exception": "Traceback…"})
    assert shown.endswith("ERROR failed\nTraceback…")


def test_a_reader_that_is_gone_is_no_error():
    out = io.StringIO()
    out.close()
    writer = QueuedWriter(out)
    writer.write("x\n")
    writer.close()


def test_whatever_a_field_is_the_line_is_ascii_json_that_says_it():
    fields = {"path": Path("/x"), "broken": "\udc80", "large": 1 << 80, "error": OSError(5, "grüß")}
    for name, value in fields.items():
        line = as_json({"event": "e", name: value})
        assert line.isascii()
        assert json.loads(line)[name] == (value if isinstance(value, int | str) else str(value))


def test_events_below_the_level_are_not_said(monkeypatch):
    with log.captured() as events:
        log.get_logger().debug("detail")
        monkeypatch.setattr(log._CHAIN, "level", 10)
        log.get_logger().debug("detail wanted")
    assert ["detail wanted"] == [event["event"] for event in events]


def test_an_exception_brings_its_trace():
    with log.captured() as events:
        try:
            {}["gone"]
        except KeyError as error:
            log.get_logger().exception("failed", where="here")
            log.get_logger().error("failed again", exc_info=error)
    for event in events:
        assert "error" == event["level"]
        assert "KeyError: 'gone'" in event["exception"]


def test_a_process_that_configured_nothing_says_it_to_people(capsys):
    log.get_logger().warning("odd", n=1)
    assert "WARNING odd  n=1\n" in capsys.readouterr().err
