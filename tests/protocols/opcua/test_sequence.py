"""Sequence numbers: both wraps, and renumbering that touches nothing before the first edit."""

import pytest

from icsguard.protocols.opcua.sequence import Numbering, Relay, following, follows

MAX = 2**32 - 1
EDGE = 4_294_966_271


@pytest.mark.parametrize(
    ("legacy", "last", "due"),
    [(True, 1, 2), (True, EDGE - 1, EDGE), (True, EDGE, 1), (False, EDGE, EDGE + 1), (False, MAX, 0)],
)
def test_a_sender_wraps_by_its_law_and_a_receiver_agrees(legacy, last, due):
    assert due == following(last, legacy=legacy)
    assert follows(due, last, legacy=legacy)


@pytest.mark.parametrize(
    ("legacy", "last", "number", "right"),
    [
        (True, 5, 6, True),
        (True, 5, 5, False),
        (True, 5, 7, False),
        (True, 5, 4, False),
        (True, EDGE, 1023, True),
        (True, EDGE, 1024, False),
        (True, EDGE, EDGE + 1, True),
        (True, EDGE - 1, 1, False),
        (True, MAX, 0, True),
        (False, EDGE, 1, False),
        (False, MAX, 0, True),
        (False, MAX, 1, False),
    ],
)
def test_a_receiver_takes_the_next_number_and_no_other(legacy, last, number, right):
    numbering = Numbering(legacy=legacy, last=last)
    assert right == numbering.accept(number)
    assert (number if right else last) == numbering.last


def test_the_first_number_is_free_under_the_legacy_law_and_0_under_the_new_one():
    assert Numbering().accept(51)
    assert Numbering(legacy=False).accept(0)
    refusing = Numbering(legacy=False)
    assert not refusing.accept(1)
    assert "any first one" == refusing.due
    assert "8" == Numbering(last=7).due


def test_a_sender_begins_with_1_or_0():
    assert ([1, 2], [0, 1]) == tuple([n.take(), n.take()] for n in (Numbering(), Numbering(legacy=False)))


def chunk(number):
    return b"MSGF" + bytes(12) + number.to_bytes(4, "little") + b"body"


def numbers(chunks):
    return [int.from_bytes(raw[16:20], "little") for raw in chunks]


def test_before_the_first_edit_every_byte_passes_as_it_came():
    relay = Relay()
    assert [chunk(51), chunk(52)] == [relay.passed(chunk(51), 16), relay.passed(chunk(52), 16)]


@pytest.mark.parametrize("denied", [1, 2, 100])
def test_after_denials_the_numbers_have_no_gap(denied):
    relay = Relay()
    sent = [relay.passed(chunk(51), 16)]
    for _ in range(denied):
        relay.dropped()
    came = 52 + denied
    sent += [relay.passed(chunk(came), 16), relay.inserted(chunk(0), 16), relay.passed(chunk(came + 1), 16)]
    assert [51, 52, 53, 54] == numbers(sent)
    assert {b"body"} == {raw[20:] for raw in sent}


def test_a_renumbered_stream_wraps_by_the_law():
    relay = Relay()
    relay.passed(chunk(EDGE - 1), 16)
    relay.dropped()
    assert [EDGE, 1] == numbers([relay.passed(chunk(EDGE + 1), 16), relay.passed(chunk(0), 16)])
