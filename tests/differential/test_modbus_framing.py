"""Our framing beside pymodbus's: the same frames in sound streams, and four ways in which the two part."""

import logging

import pytest
from pymodbus.framer import FramerSocket
from pymodbus.pdu import DecodePDU

from icsguard.protocols.modbus import build
from icsguard.protocols.modbus.mbap import Framer

READ = build.adu(7, 17, build.read(3, 100, 2))


@pytest.fixture(autouse=True)
def quiet():
    """Keep pymodbus from logging each frame that it refuses."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def their_frames(stream):
    """Return (transaction identifier, unit, PDU) of what pymodbus cuts off, and how many bytes it leaves."""
    framer, frames = FramerSocket(DecodePDU(is_server=True)), []
    while stream:
        used, unit, tid, pdu = framer.decode(stream)
        if not used:
            break
        frames.append((tid, unit, pdu))
        stream = stream[used:]
    return frames, len(stream)


def test_sound_streams_give_the_same_frames(vectors):
    compared = 0
    for stream in vectors("modbus/streams").values():
        if not stream.defect:
            framer = Framer()
            ours = [(frame.tid, frame.unit, frame.pdu) for frame in framer.feed(stream.raw)]
            assert (ours, framer.pending) == their_frames(stream.raw)
            compared += len(ours)
    assert compared >= 9


def test_another_protocol_wedges_it_and_passes_by_us():
    stream = b"\0\1\xbe\xef" + READ[4:] + READ
    assert ([], len(stream)) == their_frames(stream)
    wrong, sound = Framer().feed(stream)
    assert wrong.defect is not None
    assert (sound.raw, sound.defect) == (READ, None)


def test_it_waits_for_a_body_that_no_adu_has_and_we_do_not():
    stream = b"\0\1\0\0\xff\xff" + bytes(1000)
    assert ([], len(stream)) == their_frames(stream)
    framer = Framer()
    framer.feed(stream)
    assert framer.fatal is not None


def test_a_length_of_one_is_a_frame_without_function_to_it_and_a_lost_frame_to_us():
    stream = b"\0\1\0\0\0\1\x11" + READ
    assert (1, 0x11, b"") == their_frames(stream)[0][0]
    framer = Framer()
    assert [] == framer.feed(stream)
    assert framer.fatal is not None


def test_it_swallows_a_byte_behind_a_lone_function_code_and_we_keep_it():
    stream = build.adu(7, 17, build.bare(7)) + b"\0"
    assert ([(7, 17, b"\x07\0")], 0) == their_frames(stream)
    framer = Framer()
    assert [b"\x07"] == [frame.pdu for frame in framer.feed(stream)]
    assert framer.pending == 1
