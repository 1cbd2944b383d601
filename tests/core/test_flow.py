"""A client is its address; port and group name may be unknown."""

from icsguard.core.flow import Client


def test_a_client_needs_only_its_address():
    assert Client("10.0.0.21", 0, "") == Client("10.0.0.21")
