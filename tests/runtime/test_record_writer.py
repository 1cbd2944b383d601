import json

import pytest

from icsguard.core.record import Record, RecordKind, Severity
from icsguard.runtime.record_writer import MAX_GROUP, MAX_QUEUED, RecordWriter
from icsguard.runtime.rotating import RotatingLines


def record(number: int) -> Record:
    return Record(f"r-{number}", RecordKind.VERDICT, number, Severity.LOW, "")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "records.jsonl"


@pytest.fixture
def writer(path):
    return RecordWriter(RotatingLines(path, 10**7, 2), "edge1", lambda: 5_000_000_000)


def lines(path):
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def test_records_become_numbered_lines_at_wall_time(writer, path):
    writer.put(record(1))
    writer.put(record(2))
    assert 2 == writer.flush()
    assert [(1, "r-1"), (2, "r-2")] == [(line["seq"], line["id"]) for line in lines(path)]
    assert ("1970-01-01T00:00:05.000000Z", "edge1") == (lines(path)[0]["time"], lines(path)[0]["host"])
    assert 0 == writer.flush()


def test_numbers_go_on_after_a_restart(writer, path):
    writer.put(record(1))
    writer.flush()
    writer.close()
    again = RecordWriter(RotatingLines(path, 10**7, 2), "edge1", lambda: 0)
    again.put(record(2))
    again.flush()
    assert [1, 2] == [line["seq"] for line in lines(path)]


def test_a_flood_is_written_in_groups(writer):
    for number in range(MAX_GROUP + 1):
        writer.put(record(number))
    assert [MAX_GROUP, 1, 0] == [writer.flush() for _ in range(3)]


def test_a_disk_that_fails_leaves_no_hole_in_the_numbers(writer, path):
    path.mkdir()
    writer.put(record(1))
    with pytest.raises(OSError, match="directory"):
        writer.flush()
    assert 1 == writer.waiting
    path.rmdir()
    writer.put(record(2))
    assert 2 == writer.flush()
    assert [1, 2] == [line["seq"] for line in lines(path)]


def test_what_finds_no_room_is_counted_and_said_when_there_is_room_again(writer):
    assert all(writer.put(record(number)) for number in range(MAX_QUEUED))
    assert not writer.put(record(0))
    assert 0 == writer.take_dropped()
    while writer.waiting:
        writer.flush()
    assert 1 == writer.take_dropped()
    assert 0 == writer.take_dropped()
    assert MAX_QUEUED == writer.written


def test_what_waits_can_move_to_another_place(writer):
    writer.put(record(1))
    assert [record(1)] == writer.take_waiting()
    assert 0 == writer.waiting
