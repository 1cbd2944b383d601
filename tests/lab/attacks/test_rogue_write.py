from icsguard.lab.attacks.rogue_write import ATTACK


async def test_the_bare_device_does_what_a_stranger_says_and_tank_1_overflows(unguarded, plc):
    scene = await unguarded(ATTACK)
    assert scene.succeeded == 3
    assert sum(map(ATTACK.forbidden, plc.arrivals.writes)) == 3
    assert ATTACK.harm in plc.harms
