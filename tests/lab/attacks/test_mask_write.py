from icsguard.lab import registers as at
from icsguard.lab.attacks.mask_write import ATTACK
from icsguard.protocols.modbus import build


async def test_the_bare_device_bypasses_its_interlock(unguarded, plc):
    scene = await unguarded(ATTACK)
    assert scene.succeeded == 2
    assert sum(map(ATTACK.forbidden, plc.arrivals.writes)) == 2
    assert ATTACK.harm in plc.harms


async def test_switching_the_lamp_is_not_mistaken_for_the_attack(plc, wire):
    await wire.ask(build.write_register(at.CONTROL_WORD, 2))
    assert not any(map(ATTACK.forbidden, plc.arrivals.writes))
