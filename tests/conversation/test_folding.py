from hypothesis import given
from hypothesis import strategies as st

from icsguard.conversation.folding import FOLD_NS, MAX_EXACT, MAX_FOLDS, Folder, FoldKey
from icsguard.conversation.run import Run
from icsguard.core.record import Record, RecordKind, Severity


def key(target="holding 1"):
    return FoldKey("verdict", "10.0.0.1", "code", 6, target, "REFUSE")


def event(folder, run, now, which=None):
    which = which or key()
    if folder.counts(which, now) is None:
        folder.put(which, Record(run.next_record_id(), RecordKind.VERDICT, now, Severity.LOW, which.what), now)


def test_the_first_is_written_at_once_and_the_rest_with_its_count():
    run = Run("r")
    folder = Folder(run)
    for now in range(5):
        event(folder, run, now)
    assert [1] == [record.repeated for record in run.records]
    folder.expire(FOLD_NS)
    assert [1, 4] == [record.repeated for record in run.records]
    assert 4 == run.records[1].at
    assert 2 == len({record.id for record in run.records})


def test_after_the_second_a_new_one_is_written_at_once():
    run = Run("r")
    folder = Folder(run)
    event(folder, run, 0)
    event(folder, run, FOLD_NS)
    assert [1, 1] == [record.repeated for record in run.records]


def test_different_events_are_not_folded():
    run = Run("r")
    folder = Folder(run)
    event(folder, run, 0, key("holding 1"))
    event(folder, run, 0, key("holding 2"))
    assert 2 == len(run.records)


def test_folds_are_bounded_and_none_is_lost():
    run = Run("r")
    folder = Folder(run)
    for number in range(3 * MAX_FOLDS):
        event(folder, run, 0, key(f"holding {number}"))
        event(folder, run, 0, key(f"holding {number}"))
        assert len(folder._folds) <= MAX_FOLDS
    folder.flush()
    assert not folder
    assert 6 * MAX_FOLDS == sum(record.repeated for record in run.records)


@given(st.lists(st.tuples(st.integers(0, FOLD_NS), st.integers(0, 3)), max_size=60))
def test_counts_add_up_to_the_events(events):
    run, now = Run("r"), 0
    folder = Folder(run)
    for step, which in events:
        now += step
        event(folder, run, now, key(f"holding {which}"))
        if step % 3 == 0:
            folder.expire(now)
    folder.flush()
    assert len(events) == sum(record.repeated for record in run.records)


def test_a_crowd_is_summed_and_names_no_single_request():
    run = Run("r")
    folder = Folder(run)
    for number in range(MAX_EXACT):
        assert not folder.is_crowded
        event(folder, run, 0, key(f"request {number}"))
    assert folder.is_crowded
    coarse = key("")
    folder.put(
        coarse, Record("r-x", RecordKind.VERDICT, 0, Severity.LOW, "refused: this", target="holding 1", request="00"), 0
    )
    for _ in range(1000):
        assert folder.counts(coarse, 1)
    folder.flush()
    total = run.records[-1]
    assert (1000, "", "") == (total.repeated, total.target, total.request)
    assert total.text.startswith("1000 more requests")
