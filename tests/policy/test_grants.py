from icsguard.core.ids import AddressRange
from icsguard.core.meaning import Table
from icsguard.policy.grants import DATA_FUNCTIONS, spelled_out
from icsguard.policy.rules import Grant, Service, Target
from icsguard.protocols.modbus.functions import FUNCTIONS


def functions(grant, *points):
    return [service.function for service in spelled_out(grant, points).services]


def test_a_grant_on_places_means_the_functions_that_reach_them(speed):
    grant = Grant("g", "hmi", 9, "x", points=("speed",), targets=(Target(Table.COIL, AddressRange(0, 0)),))

    assert [1, 3, 5, 6, 15, 16, 22, 23] == functions(grant, speed)


def test_points_that_it_does_not_name_add_nothing(speed):
    grant = Grant("g", "hmi", 9, "x", targets=(Target(Table.DISCRETE, AddressRange(0, 0)),))

    assert [2] == functions(grant, speed)


def test_a_grant_that_names_functions_stays_as_it_is(speed):
    grant = Grant("g", "hmi", 9, "x", (Service(8, 1),), points=("speed",))

    assert grant is spelled_out(grant, (speed,))


def test_each_function_works_on_the_table_that_the_specification_says():
    named = {function: table for table, found in DATA_FUNCTIONS.items() for function in found}

    assert named == {function: FUNCTIONS[function].table for function in named}
