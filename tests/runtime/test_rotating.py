import os
import resource
from pathlib import Path

import pytest

from icsguard.runtime import rotating
from icsguard.runtime.rotating import RotatingLines, last_line, numbered, seq_of, series, write_all


def line(seq: int, size: int = 0) -> bytes:
    return b'{"schema":"icsguard.record/1","seq":%d,"text":"%b"}\n' % (seq, b"x" * size)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "records" / "records.jsonl"


def test_lines_are_appended_whole_and_found_again(path):
    files = RotatingLines(path, 10_000, 3)
    assert (0, 0, b"") == files.open()
    files.append([line(1), line(2)])
    files.close()
    assert line(1) + line(2) == path.read_bytes()
    assert (2, 0, line(2)[:-1]) == RotatingLines(path, 10_000, 3).open()


def test_only_owner_and_group_may_read(path):
    files = RotatingLines(path, 10_000, 3)
    files.open()
    assert 0 == path.stat().st_mode & 0o007
    assert 0 == path.parent.stat().st_mode & 0o007


def test_a_full_file_is_rotated_and_the_oldest_goes(path):
    files = RotatingLines(path, 2 * len(line(1)), 2)
    files.open()
    for seq in range(1, 10):
        files.append([line(seq)])
    assert [9, 8, 6] == [seq_of(last_line(file)) for file in series(path, 5)]
    assert sum(file.stat().st_size for file in path.parent.iterdir()) <= 3 * 2 * len(line(1))


def test_nothing_is_kept_where_nothing_shall_be_kept(path):
    files = RotatingLines(path, len(line(1)), 0)
    files.open()
    files.append([line(1)])
    files.append([line(2)])
    assert [path] == list(path.parent.iterdir())
    assert line(2) == path.read_bytes()


def test_a_line_larger_than_a_file_is_written_all_the_same(path):
    files = RotatingLines(path, 10, 2)
    files.open()
    files.append([line(1, 100)])
    assert line(1, 100) == path.read_bytes()


def test_a_torn_line_is_closed_and_counted(path):
    files = RotatingLines(path, 10_000, 3)
    files.open()
    files.append([line(1), line(2)])
    files.close()
    path.write_bytes(path.read_bytes()[:-9])
    again = RotatingLines(path, 10_000, 3)
    assert (2, len(line(2)) - 9, line(1)[:-1]) == again.open()
    again.append([line(3)])
    assert [1, None, 3, None] == [seq_of(part) for part in path.read_bytes().split(b"\n")]


@pytest.mark.parametrize("kept", range(len(line(1)) + len(line(2))))
def test_after_a_cut_at_any_byte_no_number_is_given_twice(path, kept):
    path.parent.mkdir()
    path.write_bytes((line(1) + line(2))[:kept])
    files = RotatingLines(path, 10_000, 3)
    opened = files.open()
    files.append([line(opened.last_seq + 1)])
    numbers = [seq for part in path.read_bytes().split(b"\n") if (seq := seq_of(part))]
    assert sorted(set(numbers)) == numbers
    assert path.read_bytes().endswith(line(opened.last_seq + 1))


def test_an_empty_newest_file_does_not_start_the_numbers_anew(path):
    files = RotatingLines(path, 10_000, 3)
    files.open()
    files.append([line(7)])
    files.close()
    path.rename(numbered(path, 1))
    path.touch()
    assert (7, 0, line(7)[:-1]) == RotatingLines(path, 10_000, 3).open()


def test_a_file_of_garbage_is_opened_and_lived_with(path):
    path.parent.mkdir()
    path.write_bytes(os.urandom(5_000))
    files = RotatingLines(path, 10_000, 3)
    opened = files.open()
    files.append([line(opened.last_seq + 1)])
    assert opened.last_seq + 1 == seq_of(last_line(path))


def test_a_write_that_fails_half_way_is_taken_back(path, monkeypatch):
    files = RotatingLines(path, 10_000, 3)
    files.open()
    files.append([line(1)])

    def half(descriptor: int, block: bytes) -> None:
        os.write(descriptor, block[:10])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(rotating, "write_all", half)
    with pytest.raises(OSError, match="No space"):
        files.append([line(2)])
    assert line(1) == path.read_bytes()
    monkeypatch.undo()
    files.append([line(2)])
    assert line(1) + line(2) == path.read_bytes()


def test_a_limit_of_the_system_in_the_midst_of_a_line_leaves_whole_lines_behind(path):
    files = RotatingLines(path, 10**6, 3)
    files.open()
    files.append([line(1)])
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(line(1)) + 20, hard))
    try:
        with pytest.raises(OSError, match="too large"):
            files.append([line(2)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert line(1) == path.read_bytes()
    files.append([line(2)])
    assert line(1) + line(2) == path.read_bytes()


def test_a_really_full_disk_leaves_whole_lines_behind(path):
    full = RotatingLines(path, 10**6, 3)
    full.open()
    full.append([line(1)])
    with Path("/dev/full").open("wb", buffering=0) as device, pytest.raises(OSError, match="No space"):
        write_all(device.fileno(), line(2))
    assert line(1) == path.read_bytes()


def test_a_folder_in_the_place_of_the_file_is_an_error_of_the_system(path):
    path.mkdir(parents=True)
    with pytest.raises(OSError, match="directory"):
        RotatingLines(path, 10, 1).open()


def test_a_symbolic_link_is_not_followed(path, tmp_path):
    path.parent.mkdir()
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic links"):
        RotatingLines(path, 10, 1).open()
