import pytest

from icsguard.lab.attacks.scene import MAX_STEPS, Scene, writes_of
from icsguard.lab.plc import Write
from icsguard.lab.wire import Fate, Reply
from icsguard.protocols.modbus import build

ANSWERED = Reply(Fate.ANSWERED, b"\x06", 0.1)
REFUSED = Reply(Fate.REFUSED, b"\x86\x03", 0.1)


def test_harmless_steps_do_not_count_as_success():
    scene = Scene(0, "127.0.0.66")
    scene.note("honest read", ANSWERED, harmless=True)
    scene.note("forbidden", REFUSED)
    scene.note("forbidden", ANSWERED)
    assert scene.succeeded == 1
    assert len(scene.attempts) == 2


def test_the_memory_of_a_flood_is_bounded():
    scene = Scene(0, "127.0.0.66")
    for _ in range(MAX_STEPS + 5):
        scene.note("read", REFUSED)
    assert len(scene.steps) == MAX_STEPS


def test_a_write_is_recognised_by_table_address_and_values():
    judge = writes_of(build.write_register(3, 77), build.write_coil(1, on=False))
    assert judge(Write(1, "127.0.0.1", 16, "holding", 3, (77,)))
    assert judge(Write(1, "127.0.0.1", 5, "coil", 1, (0,)))
    assert not judge(Write(1, "127.0.0.1", 6, "holding", 3, (78,)))
    assert not judge(Write(1, "127.0.0.1", 6, "coil", 3, (77,)))


async def test_an_attacker_without_a_target_is_told_so():
    with pytest.raises(ConnectionRefusedError):
        await Scene(1, "127.0.0.66").line()
