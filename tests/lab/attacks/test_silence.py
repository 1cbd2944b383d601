from icsguard.lab.attacks.silence import ATTACK
from icsguard.lab.wire import Fate


async def test_the_bare_device_goes_silent(unguarded, plc):
    scene = await unguarded(ATTACK)
    assert scene.steps[0].reply.fate is Fate.SILENT
    assert plc.arrivals.functions[8] == 2
    assert plc.harms == ("the device restarts",)
