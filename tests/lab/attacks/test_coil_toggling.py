from icsguard.lab.attacks.coil_toggling import ATTACK


async def test_the_bare_pump_burns_out(unguarded, plc):
    scene = await unguarded(ATTACK)
    assert scene.succeeded == 11
    assert sum(map(ATTACK.forbidden, plc.arrivals.writes)) > ATTACK.tolerated
    assert ATTACK.harm in plc.harms
