"""Modbus behind the seam that all protocols share."""

from icsguard.core.meaning import Intent
from icsguard.protocols.modbus import build
from icsguard.protocols.modbus.codec import MODBUS

WRITE = build.adu(1, 17, build.write_register(100, 65535))


def test_the_codec_speaks_of_a_whole_adu():
    assert MODBUS.meaning(WRITE).intent is Intent.WRITE
    assert MODBUS.describe(WRITE) == "write holding register 100 (40101) = 65535, unit 17"
    assert MODBUS.target(WRITE) == "holding 100 (40101)"
    assert MODBUS.defect(WRITE) is None
    assert MODBUS.refuse(WRITE, 2) == bytes.fromhex("0001 0000 0003 11 86 02")


def test_a_defect_is_the_frames_before_it_is_the_requests():
    wrong_protocol = b"\0\1\0\1\0\2\x11\0"
    defects = [MODBUS.defect(wrong_protocol), MODBUS.defect(b"\0\1\0\0\0\2\x11\0")]
    assert ["mbap-protocol-id", "pdu-function"] == [defect.code for defect in defects if defect]


def test_the_framing_of_the_codec_cuts_frames():
    framing = MODBUS.framing()
    assert [WRITE] == [frame.raw for frame in framing.feed(WRITE)]
    assert (None, 0) == (framing.fatal, framing.pending)
