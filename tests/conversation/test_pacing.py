from icsguard.conversation.pacing import FIRST_PAUSE_NS, MAX_PAUSE_NS, Pacing


def test_the_first_call_is_allowed_at_once():
    assert Pacing().allows(0)


def test_after_a_failure_there_is_a_pause():
    pacing = Pacing()
    pacing.failed(1000)
    assert not pacing.allows(1000 + FIRST_PAUSE_NS - 1)
    assert pacing.allows(1000 + FIRST_PAUSE_NS)


def test_pauses_grow_up_to_their_bound():
    pacing, now = Pacing(), 0
    for _ in range(20):
        pacing.failed(now)
        assert pacing.allows(now + MAX_PAUSE_NS)
    assert not pacing.allows(now + MAX_PAUSE_NS - 1)


def test_a_success_forgets_all_failures():
    pacing = Pacing()
    pacing.failed(0)
    assert pacing.is_failing
    pacing.succeeded()
    assert pacing.allows(0)
    assert not pacing.is_failing


def test_gateways_that_lost_a_device_together_come_apart():
    pauses = set()
    for seed in range(1, 20):
        pacing = Pacing(seed)
        pacing.failed(0)
        assert FIRST_PAUSE_NS <= pacing.not_before < 1.5 * FIRST_PAUSE_NS
        pauses.add(pacing.not_before)
    assert len(pauses) > 10


def test_the_same_seed_gives_the_same_pauses():
    one, other = Pacing(7), Pacing(7)
    for pacing in (one, other):
        for now in range(5):
            pacing.failed(now)
    assert one.not_before == other.not_before
