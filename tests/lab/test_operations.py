import random

from icsguard.core.meaning import Table
from icsguard.lab.cell import ROWS
from icsguard.lab.operations import NORMAL_S, POLL, ROUND_S, STATION_POLL, maintenance_round, normal_operation
from icsguard.protocols.modbus.pdu import parse_request


def within_limits(moves):
    rows = {(row.table, row.address): row for row in ROWS}
    for move in moves:
        for change in parse_request(1, move.pdu).changes:
            row = rows[change.table, change.start]
            if row.type == "f32" or change.table is Table.COIL:
                continue
            value = change.values[0] * float(row.scale or 1)
            assert float(row.low or 0) <= value <= float(row.high or value), move
    return True


def test_whatever_operators_do_is_within_the_limits_of_the_point_list():
    for seed in range(20):
        assert within_limits(maintenance_round(random.Random(seed)))
        assert within_limits(normal_operation(random.Random(seed)))


def test_moves_are_in_order_and_end_within_their_round():
    for moves, length in (
        (maintenance_round(random.Random(1)), ROUND_S),
        (normal_operation(random.Random(1)), NORMAL_S),
    ):
        times = [move.at_s for move in moves]
        assert times == sorted(times)
        assert times[-1] < length


def test_a_round_puts_every_switch_back():
    last = {}
    for move in maintenance_round(random.Random(1)):
        for change in parse_request(1, move.pdu).changes:
            if change.table is Table.COIL:
                last[change.start] = change.values
    assert set(last.values()) == {(1,)}


def test_the_polls_break_no_law():
    assert all(parse_request(1, pdu).defect is None for pdu in (*POLL, *STATION_POLL))
