import pytest

from icsguard.conversation.wires import RtuWire, TcpWire
from icsguard.protocols.modbus import rtu

ASKED = bytes.fromhex("123400000006110300000001")
ANSWER = b"\x03\x02\x00\x07"


def test_on_tcp_only_the_identifier_is_ours():
    assert b"\0\7" + ASKED[2:] == TcpWire().encode(7, ASKED, answer_due=True)


def test_on_rtu_the_answer_comes_back_as_an_adu_under_our_identifier():
    wire = RtuWire()
    assert rtu.encode(0x11, ASKED[7:]) == wire.encode(7, ASKED, answer_due=True)
    (frame,) = wire.feed(rtu.encode(0x11, ANSWER))
    assert (7, 0x11, ANSWER) == (frame.tid, frame.unit, frame.pdu)
    assert b"\0\7\0\0\0\5\x11" + ANSWER == frame.raw


def test_on_rtu_nothing_is_expected_where_no_answer_is_due():
    wire = RtuWire()
    wire.encode(7, ASKED, answer_due=False)
    assert [] == wire.feed(rtu.encode(0x11, ANSWER))
    assert "rtu-unsolicited" == wire.fatal.code


@pytest.mark.parametrize("wire", [TcpWire(), RtuWire()])
def test_half_a_frame_is_held(wire):
    wire.encode(7, ASKED, answer_due=True)
    whole = rtu.encode(0x11, ANSWER) if isinstance(wire, RtuWire) else b"\0\7\0\0\0\5\x11" + ANSWER
    assert [] == wire.feed(whole[:5])
    assert 5 == wire.pending
    assert 1 == len(wire.feed(whole[5:]))
    assert (0, None) == (wire.pending, wire.fatal)
