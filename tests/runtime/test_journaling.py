import pytest

from icsguard.core.decision import Mode
from icsguard.core.record import Record, RecordKind, Severity
from icsguard.core.transaction import Transaction
from icsguard.runtime.journal import entries, journal_path
from icsguard.runtime.journaling import MAX_ENTRY_TRANSACTIONS, MAX_PENDING, Journals


def transaction(number: int, conduit: str = "plc1") -> Transaction:
    return Transaction(number, conduit, 1, "10.0.0.5", 5, 9, b"ask", b"answer", 0, 0)


def record(kind: RecordKind, conduit: str = "plc1") -> Record:
    return Record("r-1", kind, 3, Severity.HIGH, "", conduit=conduit)


@pytest.fixture
def journals(tmp_path):
    made = Journals(tmp_path, 10**7)
    made.modes([("plc1", Mode.LEARN), ("plc2", Mode.ENFORCE)])
    return made


def test_only_conduits_in_learn_mode_are_journalled(journals, tmp_path):
    journals.add([transaction(1), transaction(2, "plc2"), transaction(3)], [], 0)
    journals.flush("run", 7)
    (entry,) = entries(journal_path(tmp_path, "plc1"))
    assert ("run", 7, [transaction(1), transaction(3)]) == (entry.run, entry.wall_shift, entry.transactions)
    assert not journal_path(tmp_path, "plc2").exists()


def test_marks_of_the_conduit_and_of_all_conduits_are_kept_with_the_traffic(journals, tmp_path):
    mine, all_of_them = record(RecordKind.ISOLATION), record(RecordKind.ISOLATION, "*")
    journals.add([], [mine, all_of_them, record(RecordKind.ISOLATION, "plc2"), record(RecordKind.SUMMARY)], 0)
    journals.flush("run", 0)
    (entry,) = entries(journal_path(tmp_path, "plc1"))
    assert [mine, all_of_them] == entry.records


def test_what_was_lost_on_the_way_is_written_down(journals, tmp_path):
    journals.add([], [], 12)
    journals.flush("run", 0)
    assert [12] == [entry.lost for entry in entries(journal_path(tmp_path, "plc1"))]


def test_a_disk_that_does_not_take_it_costs_bounded_memory(journals, tmp_path):
    (tmp_path / "journal").write_text("in the way")
    batch = [transaction(number) for number in range(1_000)]
    for _ in range(MAX_PENDING // 1_000 + 5):
        journals.add(batch, [], 0)
    with pytest.raises(OSError, match="journal"):
        journals.flush("run", 0)
    (tmp_path / "journal").unlink()
    journals.flush("run", 0)
    kept = list(entries(journal_path(tmp_path, "plc1")))
    assert MAX_PENDING == sum(len(entry.transactions) for entry in kept)
    assert 5_000 == sum(entry.lost for entry in kept)
    assert max(len(entry.transactions) for entry in kept) <= MAX_ENTRY_TRANSACTIONS


def test_leaving_learn_mode_ends_the_journal_and_coming_back_goes_on(journals, tmp_path):
    journals.add([transaction(1)], [], 0)
    journals.flush("run", 0)
    journals.modes([("plc1", Mode.OBSERVE)])
    journals.add([transaction(2)], [], 0)
    journals.flush("run", 0)
    journals.modes([("plc1", Mode.LEARN)])
    journals.add([transaction(3)], [], 0)
    journals.flush("run", 0)
    seen = [one.number for entry in entries(journal_path(tmp_path, "plc1")) for one in entry.transactions]
    assert [1, 3] == seen
    assert ["plc1"] == list(journals.sizes)
    journals.modes([])
    journals.flush("run", 0)
    assert {} == journals.sizes


def test_a_full_journal_is_named(tmp_path):
    journals = Journals(tmp_path, 100)
    journals.modes([("plc1", Mode.LEARN)])
    journals.add([transaction(1)], [], 0)
    journals.flush("run", 0)
    journals.add([transaction(number) for number in range(20)], [], 0)
    journals.flush("run", 0)
    assert ["plc1"] == journals.full
    journals.close()
