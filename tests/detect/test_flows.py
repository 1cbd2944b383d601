from icsguard.core.clock import MS, SECOND
from icsguard.core.transaction import Transaction
from icsguard.detect.flow_features import LEAST
from icsguard.detect.flows import MAX_CLOSED, MAX_FLOWS, FlowWatch, window_ns
from icsguard.protocols.modbus import build


def _poll(at, client="a"):
    return Transaction(1, "c", 3, client, at, at, build.adu(1, 1, build.read(3, 0, 1)), b"", 0, 0)


def test_a_window_ends_after_its_time():
    watch = FlowWatch(SECOND, None, None)
    for at in range(0, 3000, 50):
        watch.take(_poll(at * MS), at * MS)
    (first, second) = watch.due(int(2.5 * SECOND))
    assert ("a", 3, SECOND) == (first.client, first.flow, first.until)
    assert len(first.window.items) == len(second.window.items) == 20


def test_a_quiet_clients_window_ends_too():
    watch = FlowWatch(SECOND, None, None)
    for at in range(LEAST):
        watch.take(_poll(at), at)
    assert len(watch.due(5 * SECOND)) == 1
    assert watch.due(9 * SECOND) == []


def test_a_window_with_too_little_in_it_says_nothing():
    watch = FlowWatch(SECOND, None, None)
    for at in range(LEAST - 1):
        watch.take(_poll(at), at)
    assert watch.due(5 * SECOND) == []


def test_without_a_model_nothing_is_scored():
    watch = FlowWatch(SECOND, None, None)
    for at in range(LEAST):
        watch.take(_poll(at), at)
    assert watch.score(watch.due(5 * SECOND)[0]) is None


def test_clients_and_waiting_windows_are_bounded():
    watch = FlowWatch(SECOND, None, None)
    for number in range(MAX_FLOWS + 50):
        for _ in range(LEAST):
            watch.take(_poll(0, str(number)), 0)
    assert len(watch._open) <= MAX_FLOWS
    assert len(watch.due(5 * SECOND)) == MAX_CLOSED
    assert watch.shed == 50 + MAX_FLOWS - MAX_CLOSED


def test_a_window_is_never_too_short():
    assert window_ns(5.0) == 5 * SECOND
    assert window_ns(0.0) == SECOND // 10
