"""Requests and responses are plain tuples that keep what they were made from."""

from icsguard.protocols.modbus.messages import Request, Response


def test_a_request_without_remark_has_none():
    assert Request(7, -1, 1, (), (), b"", None, None, b"") == Request(7, -1, 1, (), (), b"", None)


def test_a_response_without_remark_has_none():
    assert Response(7, 0, None, None, None) == Response(7, 0, None, None)
