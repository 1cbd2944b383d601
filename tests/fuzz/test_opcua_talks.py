"""The short form of the campaign's OPC UA conversations, and an oracle that bites."""

from collections import Counter
from pathlib import Path

import pytest


@pytest.fixture
def talks(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    import opcua_talks

    return opcua_talks


def test_whatever_is_sent_the_device_holds_what_rules_permit_and_nobody_is_left(talks):
    target, seen = talks.UaTalks(7), Counter()
    for number in range(4):
        for seed in target.batch(number):
            target.check(seed, seen)
    assert seen["events"] > 1000
    assert min(seen["open"], seen["closed"]) > 10


def test_a_gateway_that_permits_what_is_denied_is_found_out(talks, monkeypatch):
    from icsguard.core.decision import Mode

    parts, _ = talks.scenery()
    world = parts["World"]
    monkeypatch.setitem(parts, "World", lambda *given, **more: world(*given, mode=Mode.OBSERVE, **more))
    with pytest.raises(AssertionError, match="has arrived"):
        check_all(talks.UaTalks(7))


def check_all(target):
    for seed in target.batch(0):
        target.check(seed, Counter())
