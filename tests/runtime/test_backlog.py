from icsguard.control import links
from icsguard.lab.offline import OfflineCell
from icsguard.runtime.backlog import MAX_BATCHES, Backlog

SOME = OfflineCell(2).run(1, None)[:10]


def _batch(transactions, lost=0):
    return links.Batch(list(transactions), [], lost_transactions=lost)


def test_batches_come_out_in_their_order_slice_by_slice():
    backlog = Backlog()
    backlog.put(_batch(SOME[:5]))
    backlog.put(_batch(SOME[5:]))
    taken = [list(backlog.take(2)) for _ in range(6)]
    assert [2, 2, 1, 2, 2, 1] == [len(one) for one in taken]
    assert list(SOME) == [one for part in taken for one in part]
    assert not backlog
    assert () == backlog.take(2)


def test_a_full_backlog_sheds_its_oldest_batch_and_counts_it():
    backlog = Backlog()
    for _ in range(MAX_BATCHES + 3):
        backlog.put(_batch(SOME))
    assert (MAX_BATCHES, 3) == (len(backlog), backlog.shed)


def test_shedding_a_batch_that_was_begun_does_not_skip_the_next_one():
    backlog = Backlog()
    backlog.put(_batch(SOME))
    backlog.take(7)
    for _ in range(MAX_BATCHES):
        backlog.put(_batch(SOME[:3]))
    assert list(SOME[:3]) == list(backlog.take(8))


def test_what_the_gateway_lost_is_added_up_and_empty_batches_do_not_wait():
    backlog = Backlog()
    backlog.put(_batch((), lost=4))
    backlog.put(_batch(SOME, lost=2))
    assert (1, 6) == (len(backlog), backlog.lost)
