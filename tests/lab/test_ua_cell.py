import math

import pytest

from icsguard.lab import registers as at
from icsguard.lab.registers import MAX_WORD, Registers
from icsguard.lab.ua_cell import BY_NAME, BYPASS, NODES, WRITTEN


def test_every_node_has_a_name_of_its_own_and_a_value_from_the_start():
    held = Registers()
    assert len(NODES) == len(BY_NAME)
    assert all(isinstance(node.read(held), bool if node.is_switch else float) for node in NODES)


@pytest.mark.parametrize("node", WRITTEN, ids=lambda node: node.name)
def test_what_operators_write_is_read_again(node):
    held = Registers()
    value = bool(node.high) if node.is_switch else node.low
    node.write(held, value)
    assert value == pytest.approx(node.read(held))


@pytest.mark.parametrize("value", [1e9, math.inf, math.nan])
def test_the_plc_believes_what_a_word_can_hold(value):
    held = Registers()
    BY_NAME["setpoint_1"].write(held, value)
    assert MAX_WORD == held.holding[at.SETPOINT_1]


def test_the_bypass_is_one_bit_beside_others():
    held = Registers()
    held.holding[at.CONTROL_WORD] = 2
    BY_NAME[BYPASS].write(held, 1.0)
    assert 2 | at.BYPASS_BIT == held.holding[at.CONTROL_WORD]
    BY_NAME[BYPASS].write(held, 0.0)
    assert 2 == held.holding[at.CONTROL_WORD]


def test_what_is_measured_is_written_by_nobody():
    assert not {node.name for node in WRITTEN} & {"level_1", "level_2", "chlorine", BYPASS, "emergency_stop"}
