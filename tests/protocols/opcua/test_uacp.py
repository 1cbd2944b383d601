"""Chunks of a stream: any chopping gives the same ones, and nothing is kept for what can never be valid."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsguard.protocols.opcua.uacp import KINDS, MAX_CHUNK, MAX_PENDING, MIN_CHUNK, Framer, chunk_of

MESSAGE = chunk_of(b"MSG", b"F", (5).to_bytes(4, "little") + bytes(20))
HELLO = chunk_of(b"HEL", b"F", bytes(20) + b"\xff" * 4)


def heard(framer, *parts):
    return [frame.raw for part in parts for frame in framer.feed(part)]


def test_a_chunk_is_told_with_its_channel():
    (frame,) = Framer().feed(MESSAGE)
    assert (MESSAGE, b"MSG", b"F", 5, None) == frame
    (frame,) = Framer().feed(HELLO)
    assert (b"HEL", 0) == (frame.kind, frame.channel)


@given(st.lists(st.sampled_from([MESSAGE, HELLO]), max_size=4), st.lists(st.integers(0, 150), max_size=4))
def test_any_chopping_gives_the_same_chunks(chunks, cuts):
    stream = b"".join(chunks)
    places = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    framer = Framer()
    assert chunks == heard(framer, *(stream[a:b] for a, b in pairwise(places)))
    assert (0, None) == (framer.pending, framer.fatal)


def test_byte_by_byte_gives_the_same_chunks_and_the_same_end():
    stream = MESSAGE + HELLO + b"GET / HTTP/1.1"
    at_once, bytewise = Framer(), Framer()
    assert heard(at_once, stream) == heard(bytewise, *(bytes([byte]) for byte in stream)) == [MESSAGE, HELLO]
    assert at_once.fatal == bytewise.fatal
    assert "uacp-type" == at_once.fatal.code
    assert ([], 0) == (at_once.feed(MESSAGE), at_once.pending)


@pytest.mark.parametrize(
    ("head", "due"),
    [
        (b"HELF\xff\xff\xff\x7f", "uacp-length"),
        (b"HELF\x03\0\0\0", "uacp-length"),
        (b"HELC\x20\0\0\0", "uacp-chunk"),
        (b"MSGX\x20\0\0\0", "uacp-chunk"),
        (b"OPNA\x40\0\0\0", "uacp-chunk"),
        (b"CLOC\x40\0\0\0", "uacp-chunk"),
        (b"XYZF\x20\0\0\0", "uacp-type"),
        (b"ACKF\x1d\0\0\0", "uacp-length"),
    ],
)
def test_a_header_that_can_never_be_valid_is_fatal_before_anything_is_kept(head, due):
    framer = Framer()
    assert [] == framer.feed(head)
    assert (due, 0) == (framer.fatal.code, framer.pending)


@pytest.mark.parametrize("kind", KINDS)
def test_sizes_at_the_bounds_pass_and_beyond_them_do_not(kind):
    law = KINDS[kind]
    for size, right in [(law.smallest - 1, False), (law.smallest, True), (law.largest, True), (law.largest + 1, False)]:
        framer = Framer()
        framer.feed(kind + b"F" + size.to_bytes(4, "little"))
        assert right == (framer.fatal is None)


def test_the_agreed_chunk_size_counts_within_our_bounds():
    framer = Framer(largest=MIN_CHUNK)
    framer.feed(b"MSGF" + (MIN_CHUNK + 1).to_bytes(4, "little"))
    assert "uacp-length" == framer.fatal.code
    for wished, due in [(0, MIN_CHUNK), (2**32 - 1, MAX_CHUNK)]:
        framer = Framer(largest=wished)
        framer.feed(b"MSGF" + due.to_bytes(4, "little") + bytes(due - 9))
        assert (None, due - 1) == (framer.fatal, framer.pending)
        assert 1 == len(framer.feed(b"\0"))


@given(st.binary(max_size=400))
def test_noise_never_raises_and_never_grows(noise):
    framer = Framer()
    frames = framer.feed(b"MSGF" + noise)
    assert framer.pending <= MAX_PENDING
    assert (b"MSGF" + noise).startswith(b"".join(frame.raw for frame in frames))
