"""Sessions by token: bounded, owned, forgotten."""

import pytest

from icsguard.conversation.opcua.ledger import MAX_SESSIONS, Ledger
from icsguard.core.clock import SECOND
from icsguard.protocols.opcua.nodes import NULL_NODE, NodeId


def token(number):
    return NodeId(0, "b", number.to_bytes(4, "big"))


@pytest.fixture
def ledger():
    return Ledger()


def opened(ledger, number, now=0, address="a", timeout_ms=60_000.0):
    entry = ledger.opened(token(number), address=address, uri="urn:c", timeout_ms=timeout_ms, now=now)
    if entry is not None:
        entry.creator = 1
    return entry


def test_a_session_is_found_by_its_token_alone(ledger):
    entry = opened(ledger, 1)
    assert entry is ledger.of(token(1))
    assert None is ledger.of(token(2))
    assert entry is ledger.closed(token(1))
    assert None is ledger.closed(token(1))


def test_a_device_cannot_give_one_token_twice_or_none(ledger):
    opened(ledger, 1)
    assert None is opened(ledger, 1)
    assert None is ledger.opened(NULL_NODE, address="a", uri="", timeout_ms=0, now=0)


def test_the_number_of_sessions_is_bounded_and_counted_by_address(ledger):
    for number in range(MAX_SESSIONS):
        assert opened(ledger, number, address="ab"[number % 2]) is not None
    assert ledger.is_full
    assert None is opened(ledger, MAX_SESSIONS)
    assert MAX_SESSIONS // 2 == ledger.held_by("a")


def test_sessions_of_connections_that_are_gone_do_not_count_and_make_room(ledger):
    for number in range(MAX_SESSIONS):
        opened(ledger, number).last_at = MAX_SESSIONS - number
    ledger.left(1)
    assert 0 == ledger.held_by("a")
    assert not ledger.is_full
    assert opened(ledger, MAX_SESSIONS) is not None
    assert None is ledger.of(token(MAX_SESSIONS - 1))
    assert MAX_SESSIONS == len(ledger)


def test_what_nobody_uses_is_forgotten_after_its_timeout(ledger):
    entry = opened(ledger, 1)
    opened(ledger, 2, timeout_ms=float("inf"))
    entry.last_at = 30 * SECOND
    assert [] == ledger.expire(90 * SECOND)
    assert [entry] == ledger.expire(92 * SECOND)
    assert 1 == len(ledger)
    assert 1 == len(ledger.expire(3602 * SECOND))


@pytest.mark.parametrize("timeout_ms", [float("nan"), float("-inf"), -1.0, 0.0, 1e300])
def test_a_devices_timeout_is_brought_within_bounds(ledger, timeout_ms):
    entry = opened(ledger, 1, timeout_ms=timeout_ms)
    assert 10 * SECOND <= entry.timeout_ns <= 3600 * SECOND


def test_a_connection_that_ends_leaves_its_sessions_free(ledger):
    entry = opened(ledger, 1)
    entry.flow = 7
    ledger.left(8)
    assert 7 == entry.flow
    ledger.left(7)
    assert 0 == entry.flow


def test_masks_tell_sessions_apart_and_tell_nothing_else(ledger):
    first, second = opened(ledger, 1), opened(ledger, 2)
    assert (NodeId(0, "i", 1), NodeId(0, "i", 2)) == (first.mask, second.mask)
    assert b"\0\1" == first.mask_bytes
