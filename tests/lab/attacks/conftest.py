import random

import pytest

from icsguard.lab import plc as plc_module
from icsguard.lab.attacks.scene import Scene
from icsguard.lab.operations import maintenance_round
from icsguard.lab.plant import SCAN_S
from icsguard.lab.water import SPEED_UP


@pytest.fixture
def unguarded(plc, monkeypatch):
    """Play an attack on the bare device. Time is played by turning the plant: nobody waits."""
    monkeypatch.setattr(plc_module, "RESTART_S", 30.0)

    def pass_time(seconds):
        for _ in range(round(seconds / SCAN_S)):
            plc.program.scan(SCAN_S * SPEED_UP)

    async def sleep(seconds):
        pass_time(seconds)

    async def play(attack):
        recorded = maintenance_round(random.Random(1))
        scene = Scene(plc.port, "127.0.0.66", recorded=recorded, sleep=sleep)
        pass_time(2.0)
        await attack.run(scene)
        scene.close()
        pass_time(attack.watch_s)
        return scene

    return play
