"""Exception codes by name."""

from icsguard.protocols.modbus.exceptions import EXCEPTIONS, exception_name


def test_an_exception_is_shown_with_number_and_name():
    assert exception_name(2) == "0x02 illegal data address"


def test_an_unknown_exception_is_its_number_alone():
    assert exception_name(0x63) == "0x63"


def test_the_specification_knows_nine_codes_and_old_texts_one_more():
    assert [1, 2, 3, 4, 5, 6, 8, 10, 11] == [code for code, law in EXCEPTIONS.items() if law.standard]
    assert [7] == [code for code, law in EXCEPTIONS.items() if not law.standard]
