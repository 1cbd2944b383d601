import struct

import pytest

from icsguard.core.meaning import Table
from icsguard.lab import registers as at
from icsguard.lab.registers import Registers


def test_the_cell_starts_in_automatic_with_both_pumps_allowed():
    assert Registers().coils[:4] == [1, 1, 1, 1]
    assert Registers().coils[at.EMERGENCY_STOP] == 0


def test_two_devices_share_no_memory():
    first, second = Registers(), Registers()
    first.holding[at.SETPOINT_1] = 1
    assert second.holding[at.SETPOINT_1] == 2000


def test_a_measured_value_is_rounded_to_its_quantum():
    registers = Registers()
    registers.show(at.LEVEL_1, 1.23449, 0.001)
    assert registers.of(Table.INPUT)[at.LEVEL_1] == 1234


@pytest.mark.parametrize(("value", "word"), [(-0.5, 0), (99.0, 65535)])
def test_a_measured_value_beyond_a_word_is_cut_off(value, word):
    registers = Registers()
    registers.show(at.LEVEL_1, value, 0.001)
    assert registers.inputs[at.LEVEL_1] == word


def test_the_dose_is_a_big_endian_float_and_no_number_means_no_dose():
    registers = Registers()
    assert registers.dose_mg_l == pytest.approx(0.8)
    registers.holding[at.DOSE : at.DOSE + 2] = struct.unpack(">HH", struct.pack(">f", float("nan")))
    assert registers.dose_mg_l == 0.0


def test_there_are_no_file_records():
    with pytest.raises(KeyError):
        Registers().of(Table.FILE)
