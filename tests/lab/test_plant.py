import socket
import subprocess
import sys

import msgspec
import pytest

from icsguard.lab.plant import Plant, Sight
from icsguard.lab.water import SPEED_UP


async def test_a_write_is_told_once(plc, wire):
    plant = Plant(plc, SPEED_UP)
    await wire.ask(bytes.fromhex("0600000898"))
    first, second = plant.sight(), plant.sight()
    assert [(write.function, write.address, write.values) for write in first.writes] == [(6, 0, (0x0898,))]
    assert second.writes == ()
    assert second.written == 1
    assert first.setpoint_1 == pytest.approx(2.2)


async def test_a_renewed_plant_is_undamaged_and_keeps_its_counts(plc, wire):
    plant = Plant(plc, SPEED_UP)
    await wire.ask(bytes.fromhex("5a0041"))
    assert plant.sight().harms == ("the control program is stopped",)
    plant.renew()
    assert plant.sight().harms == ()
    assert plant.sight().requests == 1
    assert (await wire.ask(bytes.fromhex("0300000001")))[0] == 3


def test_the_process_tells_what_it_sees_and_ends_with_its_input():
    command = [sys.executable, "-m", "icsguard.lab.plant", "--port", "0", "--lines"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as plant:
        sights = [msgspec.json.decode(plant.stdout.readline(), type=Sight) for _ in range(3)]
        plant.stdin.close()
        assert plant.wait(10) == 0
    assert sights[0].port > 0
    assert sights[0].plant_s < sights[-1].plant_s
    assert sights[-1].harms == ()


def test_a_port_in_use_is_one_clear_line():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = plant_at(port)
    assert done.returncode == 1
    assert f"the plant cannot listen on 127.0.0.1:{port}: is the port in use?\n" in done.stderr
    assert "Traceback" not in done.stderr


def plant_at(port):
    command = [sys.executable, "-m", "icsguard.lab.plant", "--port", str(port)]
    return subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
