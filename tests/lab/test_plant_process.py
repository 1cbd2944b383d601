import asyncio

import pytest

from icsguard.lab.plant_process import PlantProcess
from icsguard.lab.wire import Line
from icsguard.protocols.modbus import build


@pytest.fixture
async def plant():
    made = await PlantProcess.start(seed=5)
    yield made
    await made.stop()
    await asyncio.sleep(0.02)


async def test_what_reaches_the_device_is_seen_past_the_network_and_a_renewed_plant_is_whole(plant):
    line = await Line.open(plant.port, "127.0.0.9")
    await line.ask(build.write_register(0, 2100))
    await line.ask(build.private(90, b"\x00\x41"))
    assert await plant.until(lambda sight: "the control program is stopped" in sight.harms, 5.0)
    assert [(write.table, write.address, write.values) for write in plant.writes] == [("holding", 0, (2100,))]
    await plant.renew()
    assert plant.now.harms == ()
    assert plant.now.setpoint_1 == pytest.approx(2.0)
    assert plant.now.functions == {6: 1, 90: 1}
    line.close()


async def test_waiting_for_what_never_comes_ends(plant):
    assert not await plant.until(lambda sight: sight.level_1 > 100.0, 0.2)
