import random

from icsguard.lab.attacks.replay import ATTACK, fatal_part
from icsguard.lab.operations import maintenance_round, normal_operation


async def test_a_replayed_round_leaves_tank_1_to_overflow(unguarded, plc):
    await unguarded(ATTACK)
    assert sum(map(ATTACK.forbidden, plc.arrivals.writes)) == 1
    assert ATTACK.harm in plc.harms


async def test_the_round_as_the_operators_do_it_harms_nothing(plc, wire):
    elapsed = 0.0
    for move in maintenance_round(random.Random(1)):
        while elapsed < move.at_s:
            plc.program.scan(0.5)
            elapsed += 0.05
        await wire.ask(move.pdu)
    for _ in range(100):
        plc.program.scan(0.5)
    assert plc.harms == ()


def test_a_session_without_a_stop_is_replayed_whole():
    moves = normal_operation(random.Random(1))
    assert fatal_part(moves) == moves
