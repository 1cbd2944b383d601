"""Bytes become frames: any chopping gives the same, and nothing grows."""

import tracemalloc
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsguard.protocols.modbus import build
from icsguard.protocols.modbus.mbap import (
    MAX_ADU,
    MAX_PENDING,
    Frame,
    Framer,
    frame,
    readdressed,
    whole,
)

READ = build.adu(7, 17, build.read(3, 100, 2))


def chopped(stream, cuts):
    """Return what a framer gives for the stream cut at these places, and the framer."""
    framer, frames, places = Framer(), [], [0, *sorted(cuts), len(stream)]
    for start, end in pairwise(places):
        frames += framer.feed(stream[start:end])
        assert framer.pending <= MAX_PENDING
    return frames, framer


@st.composite
def streams(draw):
    """Frames, some with another protocol identifier or a lying length, then some noise."""
    parts = []
    for pdu in draw(st.lists(st.binary(min_size=1, max_size=253), max_size=6)):
        adu = bytearray(build.adu(draw(st.integers(0, 0xFFFF)), draw(st.integers(0, 255)), pdu))
        if draw(st.integers(0, 9)) == 0:
            adu[draw(st.integers(2, 5))] = draw(st.integers(0, 255))
        parts.append(bytes(adu))
    return b"".join(parts) + draw(st.binary(max_size=20))


def test_a_frame_has_the_headers_fields_and_all_its_bytes():
    assert [Frame(READ, 7, 17, READ[7:], None)] == Framer().feed(READ)


def test_five_requests_in_one_segment_are_five_frames():
    adus = [build.adu(tid, 17, build.read(3, tid, 1)) for tid in range(5)]
    assert adus == [frame.raw for frame in Framer().feed(b"".join(adus))]


@given(streams(), st.data())
def test_any_chopping_gives_the_same_frames(stream, data):
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=12))
    at_once, one = chopped(stream, [])
    in_parts, other = chopped(stream, cuts)
    byte_by_byte, third = chopped(stream, range(len(stream)))
    assert at_once == in_parts == byte_by_byte
    assert one.fatal == other.fatal == third.fatal
    assert one.pending == other.pending == third.pending


@given(streams(), st.data())
def test_the_frames_and_the_rest_are_the_stream_up_to_the_first_fatal_defect(stream, data):
    frames, framer = chopped(stream, data.draw(st.lists(st.integers(0, len(stream)), max_size=12)))
    taken = b"".join(frame.raw for frame in frames)
    assert taken == stream[: len(taken)]
    if framer.fatal is None:
        assert len(taken) + framer.pending == len(stream)


@given(st.binary(max_size=600))
def test_garbage_never_raises_and_never_grows_a_buffer(noise):
    framer = Framer()
    for _ in range(3):
        for found in framer.feed(noise):
            assert 8 <= len(found.raw) <= MAX_ADU
        assert framer.pending <= MAX_PENDING


@given(st.binary(max_size=270))
def test_the_fast_path_takes_exactly_what_the_framer_calls_one_sound_frame(data):
    framer = Framer()
    frames = framer.feed(data[:1]) + framer.feed(data[1:])
    one = len(frames) == 1 and frames[0].raw == data and frames[0].defect is None
    assert whole(data) == one


@pytest.mark.parametrize("length", [0, 1, 255, 256, 65535])
def test_a_length_that_no_frame_has_is_judged_before_its_body_arrives(length):
    framer = Framer()
    assert [] == framer.feed(b"\0\1\0\0" + length.to_bytes(2))
    assert framer.fatal is not None
    assert ("mbap-length", True, 0) == (framer.fatal.code, framer.fatal.fatal, framer.pending)
    assert str(length) in framer.fatal.text


@pytest.mark.parametrize("length", [2, 254])
def test_the_least_and_the_greatest_length_are_frames(length):
    adu = b"\0\1\0\0" + length.to_bytes(2) + bytes(length)
    assert [adu] == [frame.raw for frame in Framer().feed(adu)]


def test_frames_before_a_fatal_defect_are_given_and_none_after_it():
    framer = Framer()
    assert [READ] == [frame.raw for frame in framer.feed(READ + b"\0\1\0\0\xff\xff" + READ)]
    assert [] == framer.feed(READ)
    assert framer.pending == 0


def test_a_wrong_protocol_is_a_defect_of_its_frame_and_the_next_is_sound():
    wrong = b"\0\1\xbe\xef" + READ[4:]
    first, second = Framer().feed(wrong + READ)
    assert first.defect is not None
    assert ("mbap-protocol-id", False, 0) == (first.defect.code, first.defect.fatal, first.defect.reply)
    assert "48879" in first.defect.text
    assert second == frame(READ)


def test_a_thousand_half_open_framers_hold_less_than_a_bound():
    tracemalloc.start()
    framers = [Framer() for _ in range(1000)]
    for framer in framers:
        assert [] == framer.feed(b"\0\1\0\0\0\xfe" + bytes(253))
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert {MAX_PENDING} == {framer.pending for framer in framers}
    assert held < 1000 * (MAX_PENDING + 200)  # a framer, its bytes object and their headers


def test_an_adu_under_other_identifiers_keeps_all_other_bytes():
    assert readdressed(READ, tid=0xBEEF, unit=1) == build.adu(0xBEEF, 1, READ[7:])
