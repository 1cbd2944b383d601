from icsguard.lab.attacks.unit_alias import ATTACK


async def test_the_bare_device_answers_to_any_unit(unguarded, plc):
    scene = await unguarded(ATTACK)
    assert scene.succeeded == 4
    assert sum(map(ATTACK.forbidden, plc.arrivals.writes)) == 4
    assert ATTACK.harm in plc.harms
