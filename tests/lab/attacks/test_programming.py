from icsguard.lab.attacks.programming import ATTACK


async def test_the_bare_device_lets_its_program_be_stopped(unguarded, plc):
    scene = await unguarded(ATTACK)
    assert scene.succeeded == 2
    assert plc.arrivals.functions[90] == 2
    assert ATTACK.harm in plc.harms
