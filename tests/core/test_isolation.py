"""Isolations survive the way between processes."""

import msgspec
import pytest

from icsguard.core.isolation import Isolation, IsolationRequest, Scope

VALUES = [
    Isolation("10.0.0.66", "plc1", Scope.WRITES, "five refusals", "operator", 1, 2),
    IsolationRequest("10.0.0.66", "*", Scope.FULL, "scan", "scan", 900),
]


@pytest.mark.parametrize("value", VALUES)
def test_an_isolation_survives_msgpack(value):
    assert value == msgspec.msgpack.decode(msgspec.msgpack.encode(value), type=type(value))
