from icsguard.lab.attacks.flood import ATTACK


async def test_the_bare_device_throws_its_clients_out(unguarded, plc, wire):
    scene = await unguarded(ATTACK)
    assert ATTACK.harm in plc.harms
    assert scene.succeeded > 1000
    assert await wire.reader.read(1) == b""
