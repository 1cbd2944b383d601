import random
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from icsguard.learn.reassembly import MAX_AHEAD, MAX_CONNECTIONS, Reassembly


@pytest.fixture
def counts():
    return Counter()


@pytest.fixture
def reassembly(counts):
    return Reassembly(counts)


def streams(reassembly, segments) -> dict[tuple[str, int], bytes]:
    """Play segments and return the bytes of each side, gaps shown as `<missing>`."""
    pieces = [piece for segment in segments for piece in reassembly.feed(segment)] + reassembly.rest()
    out: dict[tuple[str, int], bytes] = {}
    for piece in pieces:
        gap = b"<%d>" % piece.missing if piece.missing else b""
        out[piece.source] = out.get(piece.source, b"") + gap + piece.data
    return out


def test_bytes_come_in_order_per_side_across_the_wrap_of_numbers(reassembly, counts, dialogue):
    dialogue.open().ask(b"ab").answer(b"123456").ask(b"cd").answer(b"789").close()
    assert {dialogue.client: b"abcd", dialogue.device: b"123456789"} == streams(reassembly, dialogue.segments)
    assert {} == counts


def test_who_opened_who_accepted_and_who_ended_is_told(reassembly, dialogue):
    dialogue.open().close()
    pieces = [piece for segment in dialogue.segments for piece in reassembly.feed(segment)]
    assert [(dialogue.client, True, False, False), (dialogue.device, False, True, False)] == [
        (piece.source, piece.opened, piece.accepted, piece.ended) for piece in pieces[:2]
    ]
    assert (dialogue.client, True) == (pieces[2].source, pieces[2].ended)


def test_segments_out_of_order_are_put_in_order(reassembly, counts, dialogue):
    dialogue.open().ask(b"ab").ask(b"cd").ask(b"ef")
    order = [dialogue.segments[place] for place in (0, 1, 4, 3, 2)]
    assert b"abcdef" == streams(reassembly, order)[dialogue.client]
    assert 2 == counts["out_of_order"]
    assert 0 == counts["gaps"]


def test_retransmissions_are_left_out_also_where_they_overlap(reassembly, counts, dialogue):
    dialogue.open().ask(b"abcd")
    first = dialogue.segments[-1]
    longer = first._replace(payload=b"abcdEF")
    dialogue.numbers[dialogue.client] += 2
    dialogue.ask(b"gh")
    segments = [*dialogue.segments[:3], first, longer, dialogue.segments[3]]
    assert b"abcdEFgh" == streams(reassembly, segments)[dialogue.client]
    assert 2 == counts["retransmitted"]


def test_a_gap_that_the_other_side_acknowledged_is_given_up_at_once(reassembly, counts, dialogue):
    dialogue.open().ask(b"ab").ask(b"cdef").ask(b"gh").answer(b"ok")
    del dialogue.segments[3]
    pieces = [piece for segment in dialogue.segments for piece in reassembly.feed(segment)]
    assert [(b"ab", 0), (b"gh", 4), (b"ok", 0)] == [(piece.data, piece.missing) for piece in pieces if piece.data]
    assert (1, 4) == (counts["gaps"], counts["gap_bytes"])


def test_a_gap_that_nobody_acknowledges_is_given_up_when_too_much_waits(reassembly, counts, dialogue):
    dialogue.open().ask(b"ab").ask(b"cd")
    for _ in range(MAX_AHEAD + 1):
        dialogue.ask(b"xy")
    del dialogue.segments[3]
    pieces = [piece for segment in dialogue.segments for piece in reassembly.feed(segment)]
    assert b"ab" + b"xy" * (MAX_AHEAD + 1) == b"".join(piece.data for piece in pieces)
    assert 1 == counts["gaps"]


def test_what_waits_at_the_end_is_told(reassembly, dialogue):
    dialogue.open().ask(b"ab").ask(b"cd").ask(b"ef").ask(b"gh")
    del dialogue.segments[3]
    assert b"ab<2>efgh" == streams(reassembly, dialogue.segments)[dialogue.client]


def test_a_capture_may_begin_in_the_midst(reassembly, counts, dialogue):
    dialogue.open().ask(b"ab").answer(b"12").ask(b"cd")
    assert {dialogue.client: b"abcd", dialogue.device: b"12"} == streams(reassembly, dialogue.segments[2:])
    assert 0 == counts["gaps"]


def test_the_same_ports_used_again_are_another_connection(reassembly, dialogue, new_dialogue):
    dialogue.open().ask(b"ab").close()
    again = new_dialogue()
    again.numbers[again.client] = 77
    again.open().ask(b"cd")
    pieces = [piece for segment in dialogue.segments + again.segments for piece in reassembly.feed(segment)]
    assert {1: b"ab", 2: b"cd"} == {piece.connection: piece.data for piece in pieces if piece.data}


def test_a_repeated_syn_is_no_new_connection(reassembly, dialogue):
    dialogue.open().ask(b"ab")
    segments = [dialogue.segments[0], *dialogue.segments]
    pieces = [piece for segment in segments for piece in reassembly.feed(segment)]
    assert {1} == {piece.connection for piece in pieces}


def test_numbers_from_nowhere_start_the_side_anew(reassembly, counts, dialogue):
    dialogue.open().ask(b"ab")
    dialogue.numbers[dialogue.client] += 2**30
    dialogue.ask(b"cd")
    assert b"abcd" == streams(reassembly, dialogue.segments)[dialogue.client]
    assert 1 == counts["restarted_sides"]


def test_the_table_of_connections_is_bounded(reassembly, counts, new_dialogue):
    for number in range(MAX_CONNECTIONS + 10):
        reassembly.feed(new_dialogue(client=(f"10.{number >> 8}.{number & 255}.1", 5)).open().segments[0])
    assert MAX_CONNECTIONS == len(reassembly._connections)
    assert 10 == counts["forgotten_connections"]


@settings(deadline=None)
@given(st.binary(min_size=1, max_size=200), st.integers(0, 2**32 - 1), st.randoms(use_true_random=False))
def test_any_mixture_of_cuts_repetitions_and_swaps_gives_the_stream(data, first, dice: random.Random):
    from icsguard.learn.capture import Segment

    ends = (("10.0.0.1", 5), ("10.0.0.2", 502))
    opening = Segment(0, *ends, (first - 1) % 2**32, 0, syn=True, ended=False, acks=False, payload=b"")
    cuts = sorted({0, len(data), *(dice.randint(0, len(data)) for _ in range(6))})
    parts = [
        Segment(1, *ends, (first + a) % 2**32, 0, syn=False, ended=False, acks=False, payload=data[a:b])
        for a, b in pairwise(cuts)
    ]
    parts += dice.sample(parts, dice.randint(0, len(parts)))
    dice.shuffle(parts)
    assert data == streams(Reassembly(Counter()), [opening, *parts])[ends[0]]
