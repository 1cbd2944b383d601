import pytest

from icsguard.runtime.rotating import RotatingLines
from icsguard.runtime.tail import CHUNK, RecordTail


def line(seq: int, size: int = 0) -> bytes:
    return b'{"schema":"icsguard.record/1","seq":%d,"text":"%b"}\n' % (seq, b"x" * size)


@pytest.fixture
def files(tmp_path):
    made = RotatingLines(tmp_path / "records.jsonl", 10 * len(line(1)), 3)
    made.open()
    return made


@pytest.fixture
def tail(files):
    return RecordTail(files.path, 3)


def numbers(tail: RecordTail) -> list[int]:
    found: list[int] = []
    while lines := tail.read():
        found += [read.seq for read in lines]
    return found


def test_where_there_is_nothing_nothing_is_read(tmp_path):
    tail = RecordTail(tmp_path / "records.jsonl", 3)
    assert [] == tail.read()
    assert 0 == tail.bytes_left()


def test_lines_are_read_once_as_they_come(files, tail):
    files.append([line(1)])
    assert [1] == numbers(tail)
    assert [] == tail.read()
    files.append([line(2), line(3)])
    assert [2, 3] == numbers(tail)


def test_the_text_of_a_line_comes_without_its_end(files, tail):
    files.append([line(1, 5)])
    assert line(1, 5)[:-1] == tail.read()[0].data


def test_reading_goes_on_across_rotation(files, tail):
    files.append([line(1)])
    assert [1] == numbers(tail)
    for seq in range(2, 26):
        files.append([line(seq)])
    assert list(range(2, 26)) == numbers(tail)


def test_what_rotation_took_is_a_hole_in_the_numbers(files, tail):
    for seq in range(1, 100):
        files.append([line(seq)])
    assert [*range(64, 100)] == numbers(tail)


@pytest.mark.parametrize("after", [0, 5, 9, 10, 11, 24, 25, 30])
def test_reading_starts_at_any_place_of_the_series(files, tail, after):
    for seq in range(1, 26):
        files.append([line(seq)])
    tail.seek(after)
    assert list(range(after + 1, 26)) == numbers(tail)


def test_a_torn_or_foreign_line_is_passed_over(files, tail):
    files.append([line(1), b'{"schema":"icsguard.re\n', b"\xff\x00\n", line(3)])
    assert [1, 3] == numbers(tail)


def test_a_line_is_not_read_before_it_is_whole(files, tail):
    files.append([line(1)])
    with files.path.open("ab") as stream:
        stream.write(line(2)[:10])
    assert [1] == numbers(tail)
    with files.path.open("ab") as stream:
        stream.write(line(2)[10:])
    assert [2] == numbers(tail)


def test_garbage_without_end_is_not_held(files, tail):
    files.append([b"\xff" * (5 * CHUNK)])
    files.append([b"\n", line(2)])
    assert [2] == numbers(tail)
    assert len(tail._rest) <= 2 * CHUNK


def test_the_bytes_that_are_left_are_counted_across_files(files, tail):
    for seq in range(10, 26):
        files.append([line(seq)])
    assert 16 * len(line(10)) == tail.bytes_left()
    assert tail.read()
    assert 7 * len(line(10)) == tail.bytes_left()
    numbers(tail)
    assert 0 == tail.bytes_left()


def test_files_that_vanish_are_no_error(files, tail):
    files.append([line(1)])
    assert [1] == numbers(tail)
    files.path.unlink()
    assert [] == tail.read()
