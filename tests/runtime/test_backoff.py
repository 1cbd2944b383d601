from icsguard.core.clock import MS, SECOND
from icsguard.runtime.backoff import BESIDE, GATEWAY, STEADY_NS, Failures


def test_the_gateway_is_started_again_at_once():
    assert 5 * SECOND == Failures(GATEWAY).ended(started=0, now=5 * SECOND)


def test_shadow_and_recorder_are_back_in_less_than_a_second():
    assert Failures(BESIDE).ended(0, 0) < SECOND


def test_a_crash_loop_becomes_slower_up_to_a_bound():
    failures = Failures(GATEWAY)
    pauses = [failures.ended(0, 0) for _ in range(20)]
    assert pauses == sorted(pauses)
    assert [0, 100 * MS, 2 * SECOND] == [pauses[0], pauses[1], pauses[-1]]


def test_a_process_that_ran_long_enough_starts_with_a_clean_slate():
    failures = Failures(BESIDE)
    for _ in range(5):
        failures.ended(0, 0)
    assert STEADY_NS + 200 * MS == failures.ended(0, STEADY_NS)
