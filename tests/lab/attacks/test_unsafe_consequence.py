from icsguard.core.meaning import Table
from icsguard.lab import registers as at
from icsguard.lab.attacks.unsafe_consequence import ATTACK
from icsguard.lab.cell import ROWS
from icsguard.lab.operations import percent, switch


async def test_three_legal_writes_together_break_the_bare_plant(unguarded, plc):
    scene = await unguarded(ATTACK)
    assert (len(scene.steps), scene.succeeded) == (3, 1)
    assert sum(map(ATTACK.forbidden, plc.arrivals.writes)) == 1
    assert ATTACK.harm in plc.harms


async def test_the_first_two_alone_break_nothing(plc, wire):
    await wire.ask(percent(at.MANUAL_SPEED_1, 58.0))
    await wire.ask(switch(at.AUTO_1, on=False))
    for _ in range(240):
        plc.program.scan(0.5)
    assert plc.harms == ()


def test_no_value_is_beyond_the_limits_of_the_point_list():
    limits = {row.address: row for row in ROWS if row.table is Table.HOLDING}
    assert float(limits[at.MANUAL_SPEED_1].high) >= 58.0
