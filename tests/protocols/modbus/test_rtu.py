"""RTU over TCP: check sums, where answers end, and what cannot be found again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsguard.protocols.modbus.rtu import MAX_FRAME, RtuFramer, can_frame, crc16, encode

READ = bytes((3, 0, 0, 0, 2))
WORDS = bytes((3, 4, 0, 1, 0, 2))
IDENTITY = bytes((43, 14, 1, 1, 0, 0, 2, 0, 3)) + b"abc" + bytes((1, 2)) + b"de"

PAIRS = [
    (READ, WORDS),
    (READ, bytes((0x83, 2))),
    (bytes((1, 0, 0, 0, 9)), bytes((1, 2, 255, 1))),
    (bytes((5, 0, 1, 0xFF, 0)), bytes((5, 0, 1, 0xFF, 0))),
    (bytes((6, 0, 1, 0, 9)), bytes((6, 0, 1, 0, 9))),
    (bytes((7,)), bytes((7, 0x55))),
    (bytes((8, 0, 0, 1, 2, 3, 4)), bytes((8, 0, 0, 1, 2, 3, 4))),
    (bytes((11,)), bytes((11, 0, 0, 0, 9))),
    (bytes((12,)), bytes((12, 8, 0, 0, 0, 9, 0, 9, 1, 2))),
    (bytes((15, 0, 0, 0, 3, 1, 7)), bytes((15, 0, 0, 0, 3))),
    (bytes((16, 0, 0, 0, 1, 2, 0, 7)), bytes((16, 0, 0, 0, 1))),
    (bytes((17,)), bytes((17, 3, 1, 0xFF, 9))),
    (bytes((20, 7, 6, 0, 1, 0, 0, 0, 1)), bytes((20, 4, 3, 6, 0, 9))),
    (bytes((22, 0, 4, 0, 0xF2, 0, 0x25)), bytes((22, 0, 4, 0, 0xF2, 0, 0x25))),
    (bytes((23, 0, 0, 0, 1, 0, 0, 0, 1, 2, 0, 7)), bytes((23, 2, 0, 7))),
    (bytes((24, 0, 0)), bytes((24, 0, 6, 0, 2, 0, 1, 0, 2))),
    (bytes((43, 14, 1, 0)), IDENTITY),
]


@pytest.mark.parametrize(
    ("data", "crc"),
    [
        (b"123456789", "374b"),  # the check value of CRC-16/MODBUS, 0x4B37, low byte first
        (bytes((2, 7)), "4112"),  # SL §6.2.2: the worked example, 0x1241
        (b"", "ffff"),
    ],
)
def test_the_check_sum_is_that_of_the_specification(data, crc):
    assert bytes.fromhex(crc) == crc16(data)


@pytest.mark.parametrize(("request_", "answer"), PAIRS, ids=[f"{a[0]}-{b[0]}" for a, b in PAIRS])
def test_each_answer_ends_where_its_table_says_whatever_the_chopping(request_, answer):
    whole = encode(17, answer)
    for cut in range(len(whole)):
        framer = RtuFramer()
        framer.expect(9, request_)
        frames = framer.feed(whole[:cut]) + framer.feed(whole[cut:])
        assert [(9, 17, answer)] == [(one.tid, one.unit, one.pdu) for one in frames]
        assert (0, None) == (framer.pending, framer.fatal)


@pytest.mark.parametrize(
    ("stream", "code"),
    [
        (encode(17, WORDS)[:-1] + b"\0", "rtu-crc"),
        (encode(17, bytes((4, 4, 0, 1, 0, 2))), "rtu-function"),
        (bytes((17, 3, 255)), "rtu-length"),
    ],
)
def test_what_is_wrong_ends_the_connection(stream, code):
    framer = RtuFramer()
    framer.expect(1, READ)
    assert [] == framer.feed(stream)
    assert (code, True) == (framer.fatal.code, framer.fatal.fatal)
    assert [] == framer.feed(encode(17, WORDS))


@pytest.mark.parametrize("chopped", [False, True])
def test_bytes_behind_a_good_answer_end_the_connection_and_not_the_answer(chopped):
    framer = RtuFramer()
    framer.expect(1, READ)
    whole = encode(17, WORDS) + b"\0"
    pieces = [whole[:-1], whole[-1:]] if chopped else [whole]
    assert [WORDS] == [one.pdu for piece in pieces for one in framer.feed(piece)]
    assert framer.fatal is not None


def test_no_bytes_at_all_are_no_fault():
    framer = RtuFramer()
    assert [] == framer.feed(b"")
    assert framer.fatal is None


def test_bytes_that_nobody_asked_for_end_the_connection():
    framer = RtuFramer()
    framer.expect(1, READ)
    framer.feed(encode(17, WORDS))
    assert [] == framer.feed(encode(17, WORDS))
    assert "rtu-unsolicited" == framer.fatal.code


@pytest.mark.parametrize(
    ("pdu", "framable"),
    [(request, True) for request, _ in PAIRS] + [(bytes((43, 13, 0)), False), (b"\x5a\0", False), (b"\x2b", False)],
)
def test_a_function_without_a_length_in_any_table_cannot_be_framed(pdu, framable):
    assert framable == can_frame(pdu)


@given(st.lists(st.binary(max_size=300), max_size=6), st.sampled_from([request for request, _ in PAIRS]))
def test_no_bytes_raise_or_are_held_beyond_the_bound(pieces, request_):
    framer = RtuFramer()
    framer.expect(1, request_)
    for piece in pieces:
        frames = framer.feed(piece)
        assert len(frames) <= 1
        assert framer.pending <= MAX_FRAME
