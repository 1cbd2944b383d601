"""The registry names each protocol once, by the name that its codec has."""

from icsguard.protocols.registry import PROTOCOLS


def test_every_protocol_is_registered_under_its_own_name():
    assert "modbus" in PROTOCOLS
    assert list(PROTOCOLS) == [codec.name for codec in PROTOCOLS.values()]
