from icsguard.core.meaning import Table
from icsguard.lab.plants.catalog import PLANTS


def test_addresses_count_up_in_each_table():
    for plant in PLANTS.values():
        for table in (Table.INPUT, Table.HOLDING, Table.COIL):
            addresses = [point.address for point in plant.points if point.table is table]
            assert list(range(len(addresses))) == addresses
