"""One direction: bytes as they came, until something is taken out or put in."""

import pytest

from icsguard.conversation.opcua.relaying import Side, is_single
from icsguard.protocols.opcua.handshake import Limits
from icsguard.protocols.opcua.uacp import chunk_of, frame


def chunk(number, body=b"body", kind=b"MSG"):
    return frame(chunk_of(kind, b"F", bytes(8) + number.to_bytes(4, "little") + b"\7\0\0\0" + body))


def numbers(written):
    return [int.from_bytes(raw[16:20], "little") for raw in written]


def test_chunks_pass_unchanged_until_one_is_dropped_and_are_counted_from_then_on():
    written = []
    side = Side(written.append)
    for number in (5, 6):
        assert None is side.passed(chunk(number), clear=True)
    assert [chunk(5).raw, chunk(6).raw] == written
    side.dropped()
    assert chunk(8).raw[20:] == side.stamped(chunk(8).raw)[20:]
    assert None is side.inserted(chunk(9).raw, 77, b"ours")
    assert None is side.passed(chunk(9), clear=True)
    assert [5, 6, 8, 9] == numbers(written)
    assert 77 == int.from_bytes(written[2][20:24], "little")


def test_what_is_not_clear_passes_as_it_is():
    written = []
    side = Side(written.append)
    side.dropped()
    assert None is side.passed(chunk(5), clear=False)
    assert [chunk(5).raw] == written


def test_what_the_peer_cannot_take_is_told():
    side = Side([].append)
    side.limits = Limits(chunk=8192, message=10)
    assert "chunk-size" == side.inserted(chunk(1).raw, 1, bytes(11)).code


def test_an_open_without_room_for_its_number_is_a_defect():
    raw = chunk_of(b"OPN", b"F", bytes(4) + b"\xff" * 12)
    assert "channel-short" == Side([].append).passed(frame(raw), clear=True).code
    raw = chunk_of(b"OPN", b"F", bytes(4) + b"\x10\0\0\0" + b"\xff" * 8)
    assert "channel-short" == Side([].append).passed(frame(raw), clear=True).code


@pytest.mark.parametrize(
    ("raw", "due"),
    [
        (chunk(1).raw, True),
        (chunk(1).raw[:-1], False),
        (chunk(1).raw + b"x", False),
        (b"", False),
        (b"MSGF", False),
        (b"MSGC" + chunk(1).raw[4:], False),
        (b"OPNF" + chunk(1).raw[4:], False),
        (b"MSGF\x17\0\0\0" + bytes(15), False),
        (b"MSGF" + (65_537).to_bytes(4, "little") + bytes(65_529), False),
        (b"MSGF" + (65_536).to_bytes(4, "little") + bytes(65_528), True),
    ],
)
def test_one_whole_chunk_is_known_as_such(raw, due):
    assert due is is_single(raw)
