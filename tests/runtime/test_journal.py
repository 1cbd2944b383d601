import msgspec
import pytest

from icsguard.core.record import Record, RecordKind, Severity
from icsguard.core.transaction import Transaction
from icsguard.runtime.journal import (
    MAGIC,
    MAX_ENTRY,
    Entry,
    JournalError,
    JournalWriter,
    entries,
    journal_path,
    whole_bytes,
)


def entry(number: int) -> Entry:
    transaction = Transaction(number, "plc1", 1, "10.0.0.5", 5, 9, b"ask", b"answer", 0, 0)
    mark = Record(f"r-{number}", RecordKind.ISOLATION, 3, Severity.HIGH, "cut off", client="10.0.0.66")
    return Entry("5f3a", 17, [transaction], [mark], 2)


@pytest.fixture
def path(tmp_path):
    return journal_path(tmp_path, "plc1")


def test_what_was_written_is_read_again(path):
    writer = JournalWriter(path, 10_000)
    assert writer.append(entry(1))
    assert writer.append(entry(2))
    assert [entry(1), entry(2)] == list(entries(path))
    assert path.stat().st_size == writer.size


def test_a_new_writer_goes_on_behind_the_old(path):
    JournalWriter(path, 10_000).append(entry(1))
    JournalWriter(path, 10_000).append(entry(2))
    assert [entry(1), entry(2)] == list(entries(path))


def test_a_full_journal_says_so_and_takes_no_more(path):
    writer = JournalWriter(path, 1_000)
    taken = [writer.append(entry(number)) for number in range(20)]
    assert [True, False] == [taken[0], taken[-1]]
    assert writer.is_full
    assert path.stat().st_size <= 1_000


def test_a_torn_end_is_left_out_and_written_over(path):
    writer = JournalWriter(path, 10_000)
    writer.append(entry(1))
    first = writer.size
    writer.append(entry(2))
    writer.close()
    whole = path.read_bytes()
    for cut in range(first, len(whole)):
        path.write_bytes(whole[:cut])
        assert [entry(1)] == list(entries(path))
        JournalWriter(path, 10_000).append(entry(3))
        assert [entry(1), entry(3)] == list(entries(path))


def test_a_file_that_was_hardly_begun_is_begun_again(path):
    path.parent.mkdir(parents=True)
    for cut in range(len(MAGIC)):
        path.write_bytes(MAGIC[:cut])
        assert [] == list(entries(path))
        JournalWriter(path, 10_000).append(entry(1))
        assert [entry(1)] == list(entries(path))


def test_another_file_is_neither_read_nor_written(path):
    path.parent.mkdir(parents=True)
    path.write_bytes(b"#!/bin/sh\nrm -rf /\n" * 5)
    with pytest.raises(JournalError, match="no icsguard journal"):
        JournalWriter(path, 10_000).append(entry(1))
    with pytest.raises(JournalError):
        list(entries(path))
    assert path.read_bytes().startswith(b"#!/bin/sh")


def test_a_damaged_entry_ends_the_reading(path):
    writer = JournalWriter(path, 10_000)
    writer.append(entry(1))
    place = writer.size + 6
    writer.append(entry(2))
    data = bytearray(path.read_bytes())
    data[place : place + 3] = b"\xc1\xc1\xc1"
    path.write_bytes(data)
    assert [entry(1)] == list(entries(path))


def test_an_entry_that_is_nested_without_end_ends_the_reading(path):
    JournalWriter(path, 10_000).append(entry(1))
    body = msgspec.msgpack.encode(entry(2))
    body = bytes([body[0] + 1]) + body[1:] + b"\x91" * 100_000
    path.write_bytes(path.read_bytes() + len(body).to_bytes(4, "big") + body)
    assert [entry(1)] == list(entries(path))


def test_an_absurd_length_is_not_believed(path):
    JournalWriter(path, 10_000).append(entry(1))
    whole = path.stat().st_size
    with path.open("ab") as stream:
        stream.write((MAX_ENTRY + 1).to_bytes(4, "big") + b"x" * 100)
    assert whole == whole_bytes(path)


def test_any_name_of_a_conduit_has_its_file_inside_the_folder(tmp_path):
    for name in ("plc1", "../../etc/passwd", "a/b", "..", "ä b", ""):
        path = journal_path(tmp_path, name)
        assert tmp_path / "journal" == path.parent
        assert path.resolve().parent == (tmp_path / "journal").resolve()
