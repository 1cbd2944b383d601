import pytest

from icsguard.lab.attacks.slow_ramp import ATTACK
from icsguard.lab.cell import ROWS
from icsguard.lab.wire import Fate


async def test_the_bare_device_follows_every_step_until_tank_2_overflows(unguarded, plc):
    scene = await unguarded(ATTACK)
    assert [step.reply.fate for step in scene.steps] == [Fate.ANSWERED] * 16
    assert ATTACK.harm in plc.harms


def test_no_step_is_larger_than_the_point_list_allows():
    (row,) = [row for row in ROWS if row.name == "setpoint_2"]
    assert float(row.max_step) > 0.15
    assert 60 * float(row.max_rate) == pytest.approx(0.48)
