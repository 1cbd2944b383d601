import io
import json
import os
import subprocess
import sys

import pytest
from structlog.testing import capture_logs

from icsguard.runtime import log
from icsguard.runtime.log import QueuedWriter, Said, as_json, readable


def test_a_json_line_begins_with_when_how_grave_and_who():
    line = as_json(None, "info", {"event": "started", "at": "t", "level": "info", "process": "shadow", "pid": 5})
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
    for shown in (readable(None, "", dict(event)), as_json(None, "", dict(event))):
        assert not {"\x1b", "\n", "\x9b", "\u202e"} & set(shown)
    assert readable(None, "", dict(event)).startswith("10:42:07 gateway    WARNING refused")


def test_a_reader_that_does_not_read_stops_nobody_and_is_told_what_it_missed(monkeypatch):
    monkeypatch.setattr(log, "MAX_LINES", 3)
    read_end, write_end = os.pipe()
    with os.fdopen(read_end, "r") as reader, os.fdopen(write_end, "w") as out:
        writer = QueuedWriter(out, "test", "info")
        for number in range(100):  # 400 kB: more than the pipe holds, and nobody reads
            writer.say(Said("info", f"{number} {'x' * 4000}", {}, "t"))
        lines = [reader.readline()]
        for _ in range(100):
            lines.append(reader.readline())
            writer.say(Said("info", "more", {}, "t"))
            if "lost" in lines[-1]:
                break
        assert json.loads(lines[0])["event"].startswith("0 x")
        assert "log lines were lost" in lines[-1]


@pytest.mark.parametrize("later", [False, True])
def test_the_last_lines_are_out_before_the_process_ends(later):
    script = f"from icsguard.runtime import log; log.configure('test', later={later}); "
    script += "log.get_logger().info('bye', n=1)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    event = json.loads(done.stderr)
    assert ("bye", 1, "test", "info") == tuple(event[name] for name in ("event", "n", "process", "level"))


def test_a_crash_has_its_trace_below_the_line():
    shown = readable(None, "", {"event": "failed", "at": "", "level": "error", "exception": "Traceback…"})
    assert shown.endswith("ERROR failed\nTraceback…")


def test_a_reader_that_is_gone_is_no_error():
    out = io.StringIO()
    out.close()
    writer = QueuedWriter(out, "test", "info")
    writer.say(Said("info", "x", {}, "t"))
    writer.close()


def test_only_the_wanted_levels_and_traces_go_out(tmp_path):
    with (tmp_path / "log").open("w") as out:
        writer = QueuedWriter(out, "test", "warning")
        for level in ("debug", "info", "warning", "error"):
            writer.say(Said(level, level, {"exc_info": KeyError("gone")} if level == "error" else {}, "t"))
        writer.close()
    events = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert ["warning", "error"] == [event["event"] for event in events]
    assert "KeyError: 'gone'" in events[-1]["exception"]


def test_an_exception_is_that_which_is_being_handled():
    with capture_logs() as events:
        try:
            {}["gone"]
        except KeyError as error:
            log.get_logger().exception("failed", where="here")
            handled = error
    assert [("failed", "error", handled, "here")] == [
        (event["event"], event["log_level"], event["exc_info"], event["where"]) for event in events
    ]


def test_structlog_is_loaded_without_rich_and_rich_can_be_had_afterwards():
    script = "import sys; from icsguard.runtime import log; log.load(); print('rich' in sys.modules); import rich"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "False" == done.stdout.strip()
