import asyncio
import logging

import pytest

from icsguard.lab.guarding import free_port
from icsguard.lab.plant_process import PlantProcess
from icsguard.lab.ua_cell import STOP_CONTROL
from icsguard.lab.ua_client import UaLine, told
from icsguard.lab.ua_keys import make_keys
from icsguard.lab.ua_scada import UaScada
from icsguard.lab.wire import Fate

logging.getLogger("asyncua").setLevel(logging.CRITICAL)
WITHOUT_HARM = ()


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    for name in ("server", "hmi"):
        make_keys(folder, name)
    return folder


@pytest.fixture
async def plant(keys):
    running = await PlantProcess.start(3, "icsguard.lab.ua_plant", "--keys", str(keys), port=free_port())
    yield running
    await running.stop()


async def test_a_session_reads_writes_and_calls_and_the_plant_tells_it(plant, keys):
    line = await UaLine.open(plant.port, "127.0.0.5", keys, "hmi")
    assert [pytest.approx(2.0, abs=0.2)] == await line.read(["level_1"])
    reply, statuses = await told(lambda: line.write({"setpoint_1": 2.2, "pump_2": True}))
    assert (Fate.ANSWERED, ["Good", "Good"]) == (reply.fate, statuses)
    assert await plant.until(lambda sight: sight.setpoint_1 == pytest.approx(2.2), 5)
    assert {("setpoint_1", (2200,)), ("pump_2", (1000,))} == {(write.table, write.values) for write in plant.writes}
    reply, statuses = await told(lambda: line.write({"nowhere": 1.0}))
    assert Fate.REFUSED == reply.fate
    assert ["Good"] == await line.call(STOP_CONTROL)
    assert await plant.until(lambda sight: "the control program is stopped" in sight.harms, 5)
    await line.close()
    await plant.renew()
    assert WITHOUT_HARM == plant.now.harms


async def test_the_operators_read_subscribe_and_move_set_points(plant, keys):
    scada = UaScada(plant.port, "127.0.0.2", keys, seed=3)
    task = asyncio.ensure_future(scada.run())  # noqa: TID251 - ended below
    for _ in range(100):
        if scada.published > 6 and scada.log.writes:
            break
        await asyncio.sleep(0.1)
    scada.at_home = True
    before = scada.log.writes
    await asyncio.sleep(0.6)
    assert before == scada.log.writes
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert (0, 1) == (scada.log.hurt_count, scada.log.connections)
    assert scada.published > 6


async def test_a_port_where_nobody_listens_is_told_as_closed(keys):
    reply, _ = await told(lambda: UaLine.open(free_port(), "127.0.0.5", keys, "hmi"))
    assert Fate.CLOSED == reply.fate
