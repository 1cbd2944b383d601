from collections import Counter
from types import SimpleNamespace

import pytest

from icsguard.conversation.ring import Ring


def session(flow, address):
    return SimpleNamespace(flow=flow, client=SimpleNamespace(address=address))


def test_turns_go_round_by_address_and_then_by_connection():
    ring = Ring()
    one, other, third = session(1, "a"), session(2, "a"), session(3, "b")
    for waiting in (one, other, third):
        ring.join(waiting)
    assert [one, third, other] == [ring.take() for _ in range(3)]
    assert 0 == len(ring)


def test_who_waits_already_keeps_its_place():
    ring = Ring()
    one, other = session(1, "a"), session(2, "b")
    for waiting in (one, other, one):
        ring.join(waiting)
    assert 2 == len(ring)
    assert one is ring.take()


def test_who_leaves_is_not_called():
    ring = Ring()
    one, other = session(1, "a"), session(2, "b")
    ring.join(one)
    ring.join(other)
    ring.leave(one)
    ring.leave(one)
    assert [other] == list(ring)
    assert other is ring.take()
    with pytest.raises(KeyError):
        ring.take()


def test_shares_are_equal_whatever_the_number_of_connections():
    ring = Ring()
    waiting = [session(n, "many") for n in range(9)] + [session(10, "one")]
    for each in waiting:
        ring.join(each)
    turns = Counter()
    for _ in range(100):
        served = ring.take()
        turns[served.client.address] += 1
        ring.join(served)
    assert {"many": 50, "one": 50} == turns
