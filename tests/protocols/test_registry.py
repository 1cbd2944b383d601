"""The registry names each protocol once, by the name that its codec has."""

from icsguard.core.meaning import Intent
from icsguard.protocols.registry import PROTOCOLS, intent_of


def test_every_protocol_is_registered_under_its_own_name():
    assert "modbus" in PROTOCOLS
    assert list(PROTOCOLS) == [codec.name for codec in PROTOCOLS.values()]


def test_the_intent_of_a_mirrored_request_is_told_whatever_it_speaks():
    write_of_opcua, write_of_modbus = b"\x01\x00\xa1\x02", bytes.fromhex("000100000006010600050001")
    assert Intent.WRITE == intent_of("opcua", write_of_opcua)
    assert Intent.WRITE == intent_of("modbus", write_of_modbus)
    assert Intent.UNKNOWN == intent_of("opcua", b"")
    assert Intent.UNKNOWN == intent_of("elsewise", write_of_modbus)
