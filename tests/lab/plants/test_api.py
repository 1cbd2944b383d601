import pytest

from icsguard.core.meaning import Table
from icsguard.lab.plants.api import follow, regulate, towards
from icsguard.lab.plants.catalog import PLANTS


def test_addresses_count_up_in_each_table():
    for plant in PLANTS.values():
        for table in (Table.INPUT, Table.HOLDING, Table.COIL):
            addresses = [point.address for point in plant.points if point.table is table]
            assert list(range(len(addresses))) == addresses


def test_a_controller_stands_still_at_its_end():
    assert (1.0, 0.9) == regulate(0.9, 10.0, gain=1.0, reset=1.0, seconds=1.0)


def test_a_controller_integrates_in_between():
    output, bias = regulate(0.5, 0.1, gain=1.0, reset=0.1, seconds=2.0)
    assert 0.6 == pytest.approx(output)
    assert 0.52 == pytest.approx(bias)


def test_a_lag_never_overshoots_whatever_the_step():
    assert 9.9 < towards(0.0, 10.0, 1.0, 1_000.0) < 10.0


def test_a_drive_moves_no_faster_than_it_can():
    assert 2.0 == follow(0.0, 10.0, 0.5, 4.0)
    assert 9.5 == follow(10.0, 9.5, 0.5, 4.0)
