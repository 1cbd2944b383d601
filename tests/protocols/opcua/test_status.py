"""Names of StatusCodes, and the quality in their highest bits."""

import pytest

from icsguard.protocols.opcua.status import STATUS, quality, status_name


def test_a_known_code_is_told_with_its_name():
    assert "0x801F0000 BadUserAccessDenied" == status_name(0x801F0000)


def test_an_unknown_code_is_told_as_a_number():
    assert "0x80AB0000" == status_name(0x80AB0000)


@pytest.mark.parametrize(
    ("code", "due"), [(0, "good"), (0x40A40000, "uncertain"), (0x80000000, "bad"), (0xC0000000, "bad")]
)
def test_the_two_highest_bits_are_the_quality(code, due):
    assert due == quality(code)


def test_every_bad_name_has_a_bad_code():
    assert {"bad"} == {quality(code) for name, code in STATUS.items() if name.startswith("Bad")}


def test_the_codes_are_those_of_asyncua():
    codes = pytest.importorskip("asyncua.ua.status_codes").StatusCodes
    assert {name: getattr(codes, name) for name in STATUS} == dict(STATUS)
