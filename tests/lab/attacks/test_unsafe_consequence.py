from icsguard.core.meaning import Table
from icsguard.lab import registers as at
from icsguard.lab.attacks.unsafe_consequence import ATTACK
from icsguard.lab.cell import ROWS
from icsguard.lab.operations import percent


async def test_three_legal_writes_together_break_the_bare_plant(unguarded, plc):
    scene = await unguarded(ATTACK)
    assert scene.succeeded == 2
    assert sum(map(ATTACK.forbidden, plc.arrivals.writes)) == 2
    assert ATTACK.harm in plc.harms


async def test_one_alone_of_the_three_does_not_overflow_tank_1(plc, wire):
    await wire.ask(percent(at.MANUAL_SPEED_1, 75.0))
    for _ in range(200):
        plc.program.scan(0.5)
    assert plc.harms == ()


def test_no_value_is_beyond_the_limits_of_the_point_list():
    limits = {row.address: row for row in ROWS if row.table is Table.HOLDING}
    assert float(limits[at.MANUAL_SPEED_1].high) >= 75.0
