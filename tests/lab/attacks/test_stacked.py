from icsguard.lab.attacks.stacked import ATTACK
from icsguard.lab.wire import Fate


async def test_the_bare_device_carries_out_the_write_between_two_reads(unguarded, plc):
    scene = await unguarded(ATTACK)
    assert [step.reply.fate for step in scene.steps[:3]] == [Fate.ANSWERED] * 3
    assert scene.steps[-1].reply.fate is Fate.ANSWERED
    assert any(map(ATTACK.forbidden, plc.arrivals.writes))
    assert plc.arrivals.garbage == 1
    assert ATTACK.harm in plc.harms
