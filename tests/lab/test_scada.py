import asyncio

from icsguard.lab.operations import maintenance_round
from icsguard.lab.scada import Scada


async def run_for(scada, seconds):
    task = asyncio.get_running_loop().create_task(scada.run())
    await asyncio.sleep(seconds)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_it_polls_and_sees_what_the_plant_measures(plc):
    scada = Scada(plc.port, "127.0.0.2", seed=1, every_s=0.01)
    await run_for(scada, 0.2)
    assert scada.log.requests >= 8
    assert scada.log.hurt_count == 0
    assert len(scada.inputs) == 9
    assert scada.inputs[0] in range(1950, 2050)


async def test_it_carries_out_the_moves_that_are_due(plc):
    scada = Scada(plc.port, "127.0.0.2", seed=1, every_s=0.01)
    scada.follow(lambda noise: tuple(move._replace(at_s=0.0) for move in maintenance_round(noise)), 10.0)
    await run_for(scada, 0.4)
    assert scada.log.writes == len(scada.last_round) == plc.arrivals.written


async def test_a_script_begins_again_after_its_length(plc):
    scada = Scada(plc.port, "127.0.0.2", seed=1, every_s=0.01)
    scada.follow(lambda noise: maintenance_round(noise)[:1], 0.05)
    await run_for(scada, 0.5)
    assert scada.log.writes >= 3


async def test_a_lost_connection_hurts_and_is_opened_again(plc):
    scada = Scada(plc.port, "127.0.0.2", seed=1, every_s=0.01)
    task = asyncio.get_running_loop().create_task(scada.run())
    await asyncio.sleep(0.1)
    for connection in list(plc.active_connections.values()):
        connection.close()
    await asyncio.sleep(0.2)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert scada.log.hurt_count == 1
    assert scada.log.hurt[0].endswith("closed")
    assert scada.log.connections == 2
