"""The table of functions: intents, classes, names and presets."""

import pytest

from icsguard.core.meaning import CHANGES_THE_PLANT, Intent
from icsguard.protocols.modbus.files import MAX_READ_BYTES, MAX_WRITE_BYTES
from icsguard.protocols.modbus.functions import (
    DIAGNOSTIC_LAWS,
    ENGINEER,
    FUNCTIONS,
    MONITORING,
    OPERATOR,
    PRESETS,
    FunctionClass,
    ServiceId,
    function_class,
    intent_of,
    service_name,
)


def test_every_public_function_has_a_law():
    assert [1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 15, 16, 17, 20, 21, 22, 23, 24, 43] == sorted(FUNCTIONS)


def test_the_presets_hold_exactly_what_their_names_promise():
    monitoring = "1 2 3 4 7 8/0 8/2 8/11 8/12 8/13 8/14 8/15 8/16 8/17 8/18 11 12 17 20 24 43/14"
    assert monitoring == " ".join(str(service) for service in sorted(MONITORING))
    assert "5 6 15 16 22 23" == " ".join(str(service) for service in sorted(OPERATOR - MONITORING))
    assert "8/1 8/3 8/10 8/20 21 43/13" == " ".join(str(service) for service in sorted(ENGINEER - OPERATOR))


def test_the_functions_of_serial_lines_are_marked():
    assert [7, 8, 11, 12, 17] == [function for function, law in FUNCTIONS.items() if law.serial]


def test_the_quantities_of_file_functions_follow_from_the_byte_counts_that_the_codec_holds():
    assert (MAX_READ_BYTES - 2) // 2 == FUNCTIONS[20].max_quantity
    assert (MAX_WRITE_BYTES - 7) // 2 == FUNCTIONS[21].max_quantity


def test_presets_grow_from_monitoring_to_engineer():
    assert MONITORING < OPERATOR < ENGINEER
    assert [MONITORING, OPERATOR, ENGINEER] == list(PRESETS.values())


def test_monitoring_changes_nothing():
    assert {Intent.READ} == {intent_of(*service) for service in MONITORING}


def test_what_operators_may_do_beyond_monitoring_are_writes_to_coils_and_registers():
    assert {5, 6, 15, 16, 22, 23} == {service.function for service in OPERATOR - MONITORING}
    assert {Intent.WRITE} == {intent_of(*service) for service in OPERATOR - MONITORING}


def test_restart_and_clearing_traces_are_for_engineers():
    assert {ServiceId(8, 1), ServiceId(8, 10), ServiceId(43, 13)} <= ENGINEER - OPERATOR


@pytest.mark.parametrize("service", [ServiceId(8, 4), ServiceId(8, 5), ServiceId(43, 0), ServiceId(90), ServiceId(9)])
def test_what_no_preset_may_hold_is_in_none(service):
    assert service not in ENGINEER


def test_no_preset_admits_all_sub_functions_at_once():
    assert not {ServiceId(8), ServiceId(43)} & ENGINEER


def test_a_preset_holds_only_services_with_a_law():
    for function, sub in ENGINEER:
        assert function in FUNCTIONS
        assert sub == -1 or intent_of(function, sub) is not Intent.UNKNOWN


@pytest.mark.parametrize(
    "service", [(8, 5), (8, 65535), (43, 0), (43, 15), (90, -1), (65, -1), (0, -1), (200, -1), (8, -1)]
)
def test_what_the_specification_leaves_open_may_change_the_plant(service):
    assert intent_of(*service) is Intent.UNKNOWN
    assert Intent.UNKNOWN in CHANGES_THE_PLANT


@pytest.mark.parametrize("sub", [1, 3, 4, 10, 20])
def test_diagnostics_that_change_the_device_count_as_changing_the_plant(sub):
    assert intent_of(8, sub) in CHANGES_THE_PLANT


def test_counters_of_diagnostics_are_reads():
    assert {0, 2, *range(11, 19)} == {sub for sub in DIAGNOSTIC_LAWS if intent_of(8, sub) is Intent.READ}


@pytest.mark.parametrize(
    ("function", "kind"),
    [
        (0, FunctionClass.INVALID),
        (128, FunctionClass.INVALID),
        (3, FunctionClass.PUBLIC),
        (65, FunctionClass.USER_DEFINED),
        (72, FunctionClass.USER_DEFINED),
        (73, FunctionClass.UNASSIGNED),
        (100, FunctionClass.USER_DEFINED),
        (110, FunctionClass.USER_DEFINED),
        (111, FunctionClass.UNASSIGNED),
        (90, FunctionClass.RESERVED),
        (127, FunctionClass.RESERVED),
    ],
)
def test_each_function_code_has_its_class(function, kind):
    assert kind is function_class(function)


@pytest.mark.parametrize(
    ("service", "name"),
    [
        (ServiceId(3), "read holding registers"),
        (ServiceId(8), "diagnostics"),
        (ServiceId(8, 4), "force listen only mode"),
        (ServiceId(8, 9), "diagnostics, reserved 9"),
        (ServiceId(43, 14), "read device identification"),
        (ServiceId(90), "reserved function 90"),
        (ServiceId(200), "invalid function 200"),
    ],
)
def test_each_service_has_a_name(service, name):
    assert name == service_name(service)
