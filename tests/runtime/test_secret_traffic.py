import pytest

from icsguard.config.settings import Conduit, GatewaySettings, Settings
from icsguard.core.meaning import Table
from icsguard.core.point import DataType, Point, PointKind
from icsguard.core.transaction import Transaction
from icsguard.policy.rules import Policy
from icsguard.protocols.modbus import build
from icsguard.runtime.secret_traffic import SecretTraffic

SECRET = Point("code", 1, Table.HOLDING, 100, DataType.U32, kind=PointKind.SECRET)
PLAIN = Point("level", 1, Table.HOLDING, 5)


def transaction(pdu: bytes, conduit: str = "plc1") -> Transaction:
    return Transaction(1, conduit, 1, "10.0.0.21", 1, 2, build.adu(1, 1, pdu), b"", 0, 0)


def traffic(*points: Point) -> SecretTraffic:
    conduits = tuple(Conduit(name, "", 0, "", 0, policy=Policy(points=points)) for name in ("plc1",))
    other = Conduit("plc2", "", 0, "", 0)
    return SecretTraffic(Settings(GatewaySettings(), (*conduits, other)))


@pytest.mark.parametrize(
    "pdu",
    [
        build.read(3, 100, 2),
        build.read(3, 90, 12),
        build.read(3, 101, 1),
        build.write_register(100, 7),
        build.write_registers(99, (1, 2)),
        build.mask_write(101, 0, 1),
        build.read_write(100, 1, 0, (1,)),
        build.read_write(0, 1, 101, (1,)),
    ],
)
def test_whatever_touches_a_secret_point_is_left_out(pdu):
    assert [] == traffic(SECRET).left_in([transaction(pdu)])


@pytest.mark.parametrize("pdu", [build.read(3, 0, 100), build.read(3, 102, 9), build.read(4, 100, 2), build.bare(17)])
def test_everything_else_is_left_in(pdu):
    assert [transaction(pdu)] == traffic(SECRET, PLAIN).left_in([transaction(pdu)])


def test_the_secret_of_one_conduit_is_no_secret_of_another():
    other = transaction(build.read(3, 100, 2), "plc2")
    assert [other] == traffic(SECRET).left_in([other])


def test_without_secret_points_nothing_is_looked_at():
    garbage = [transaction(b"\xff")]
    assert garbage is traffic(PLAIN).left_in(garbage)


def test_of_a_conduit_whose_messages_need_their_session_nothing_is_kept_where_it_has_a_secret():
    points = (SECRET,)
    conduits = tuple(
        Conduit(name, "", 0, "", 0, protocol="opcua", policy=Policy(points=points if name == "shut" else (PLAIN,)))
        for name in ("shut", "open")
    )
    found = SecretTraffic(Settings(GatewaySettings(), conduits))
    rows = [transaction(b"\x01\x00\x77\x02", name) for name in ("shut", "open")]
    assert rows[1:] == found.left_in(rows)
