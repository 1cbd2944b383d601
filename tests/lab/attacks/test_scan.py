from icsguard.lab.attacks.scan import ATTACK


async def test_the_bare_device_tells_what_it_is(unguarded, plc):
    scene = await unguarded(ATTACK)
    assert len(scene.steps) == 36
    assert scene.succeeded > 15
    assert all(plc.arrivals.functions[function] for function in (7, 17, 43))
    assert plc.harms == ()
