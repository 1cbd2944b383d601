from icsguard.lab import registers as at
from icsguard.lab.attacks.half_float import _UPPER, ATTACK
from icsguard.protocols.modbus import build


async def test_the_bare_device_doses_eleven_milligrams(unguarded, plc):
    scene = await unguarded(ATTACK)
    assert scene.succeeded == 2
    assert sum(map(ATTACK.forbidden, plc.arrivals.writes)) == 2
    assert ATTACK.harm in plc.harms


async def test_half_a_float_alone_is_enough(plc, wire):
    await wire.ask(build.write_register(at.DOSE, _UPPER))
    assert plc.program.registers.dose_mg_l > 10.0
