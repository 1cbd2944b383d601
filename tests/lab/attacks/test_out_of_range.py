from icsguard.lab.attacks.out_of_range import ATTACK


async def test_the_bare_device_takes_nine_metres_by_every_function(unguarded, plc):
    scene = await unguarded(ATTACK)
    assert scene.succeeded == 4
    assert [write.function for write in plc.arrivals.writes if ATTACK.forbidden(write)] == [6, 16, 23, 22]
    assert ATTACK.harm in plc.harms
