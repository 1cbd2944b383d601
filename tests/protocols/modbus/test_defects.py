"""The one table of a peer's faults: stable codes, clauses, answers."""

import re

from icsguard.core.defect import Defect
from icsguard.protocols.modbus.defects import DEFECTS, defect


def test_codes_are_stable_words():
    assert all(re.fullmatch(r"(mbap|rtu|pdu|response)(-[a-z]+)+", code) for code in DEFECTS)
    assert len({law.meaning for law in DEFECTS.values()}) == len(DEFECTS)


def test_only_a_lost_frame_is_fatal():
    fatal = {code for code, law in DEFECTS.items() if law.fatal}
    assert {"mbap-length", *(code for code in DEFECTS if code.startswith("rtu-"))} == fatal


def test_only_requests_are_answered_and_only_with_the_first_three_exceptions():
    answered = {code for code, law in DEFECTS.items() if law.reply}
    assert answered == {code for code in DEFECTS if code.startswith("pdu-")} - {"pdu-padding"}
    assert {law.reply for law in DEFECTS.values()} == {0, 1, 2, 3}


def test_a_defect_says_the_numbers_and_the_clause():
    assert Defect("pdu-address", "2 elements (AP §4.4)", fatal=False, reply=2) == defect("pdu-address", "2 elements")


def test_a_law_of_each_function_names_the_functions_own_clause():
    assert defect("pdu-quantity", "0", "AP §6.3").text == "0 (AP §6.3)"
    assert defect("pdu-address", "0", "AP §6.3").text == "0 (AP §4.4)"
