"""The composite built-in types: round trips, masks, nesting."""

import random

import pytest

from icsguard.core.defect import Defect
from icsguard.protocols.opcua.builtin import (
    DATA_VALUE,
    DIAGNOSTIC_INFO,
    EXTENSION_OBJECT,
    LOCALIZED_TEXT,
    VARIANT,
    DataValue,
    DiagnosticInfo,
    ExtensionObject,
    LocalizedText,
    Variant,
)
from icsguard.protocols.opcua.codec import decoded, encoded
from icsguard.protocols.opcua.messages_attribute import ReadResponse
from icsguard.protocols.opcua.nodes import NodeId


def code(found):
    assert isinstance(found, Defect), found
    return found.code


@pytest.mark.parametrize("seed", range(60))
def test_values_are_read_as_they_were_written(sample, seed):
    for value in sample(ReadResponse, seed).results or ():
        raw = encoded(DATA_VALUE, value)
        assert value == decoded(DATA_VALUE, raw)
        for end in random.Random(seed).sample(range(len(raw)), min(len(raw), 20)):
            assert isinstance(decoded(DATA_VALUE, raw[:end]), Defect)


def test_a_double_with_status_and_source_time_stands_as_the_specification_says():
    raw = bytes.fromhex("07" + "0b" + "0000000000004940" + "00003c80" + "0100000000000000")
    assert DataValue(Variant(11, 50.0), 0x803C0000, 1) == decoded(DATA_VALUE, raw)


def test_picoseconds_stand_beside_their_time():
    value = DataValue(None, None, 1, 2, 3, 4)
    assert "3c" + "0100000000000000" + "0200" + "0300000000000000" + "0400" == encoded(DATA_VALUE, value).hex()


def test_diagnostics_stand_in_the_order_of_the_specification():
    value = DiagnosticInfo(1, 2, 3, 4, "a", 5, DiagnosticInfo())
    raw = "7f" + "01000000" + "02000000" + "03000000" + "04000000" + "0100000061" + "05000000" + "00"
    assert raw == encoded(DIAGNOSTIC_INFO, value).hex()
    assert value == decoded(DIAGNOSTIC_INFO, bytes.fromhex(raw))


@pytest.mark.parametrize(
    ("shape", "raw", "due"),
    [
        (LOCALIZED_TEXT, "04", "codec-mask"),
        (EXTENSION_OBJECT, "000003", "codec-mask"),
        (DIAGNOSTIC_INFO, "80", "codec-mask"),
        (DATA_VALUE, "40", "codec-mask"),
        (VARIANT, "1a", "codec-type"),
        (VARIANT, "3f", "codec-type"),
        (VARIANT, "80", "codec-type"),
        (VARIANT, "9a", "codec-type"),
        (VARIANT, "1800", "codec-nested"),
        (VARIANT, "4101", "codec-dimensions"),
        (DATA_VALUE, "011701", "codec-nested"),
        (DATA_VALUE, "019701000000" + "00", "codec-nested"),
        (VARIANT, "c1" + "02000000" + "0101" + "01000000" + "03000000", "codec-dimensions"),
        (VARIANT, "c1" + "02000000" + "0101" + "02000000" + "feffffff" + "ffffffff", "codec-dimensions"),
    ],
)
def test_a_breach_is_a_defect_with_its_code(shape, raw, due):
    assert due == code(decoded(shape, bytes.fromhex(raw)))


@pytest.mark.parametrize("depth", [9, 500, 50_000])
def test_variants_in_variants_end_at_the_bound(depth):
    raw = b"\x98\x01\0\0\0" * depth + b"\0"
    assert "codec-depth" == code(decoded(VARIANT, raw))


def test_variants_up_to_the_bound_are_read():
    raw = b"\x98\x01\0\0\0" * 8 + b"\0"
    assert isinstance(decoded(VARIANT, raw), Variant)


@pytest.mark.parametrize(("depth", "due"), [(10, True), (11, False), (50_000, False)])
def test_diagnostics_in_diagnostics_end_at_their_bound(depth, due):
    assert due == isinstance(decoded(DIAGNOSTIC_INFO, b"\x40" * depth + b"\0"), DiagnosticInfo)


def test_a_null_dimension_array_is_kept():
    value = Variant(1, (True,), is_array=True)
    assert value == decoded(VARIANT, bytes.fromhex("81" + "01000000" + "01"))
    assert () == decoded(VARIANT, bytes.fromhex("c1" + "01000000" + "01" + "00000000")).dimensions


@pytest.mark.parametrize(
    ("shape", "value"),
    [
        (LOCALIZED_TEXT, "text"),
        (EXTENSION_OBJECT, NodeId()),
        (DIAGNOSTIC_INFO, None),
        (DATA_VALUE, 5),
        (VARIANT, 5),
        (VARIANT, Variant(26, 5)),
        (VARIANT, Variant(24, Variant())),
        (VARIANT, Variant(11, "text")),
    ],
)
def test_what_is_not_of_the_type_cannot_be_written(shape, value):
    with pytest.raises(ValueError, match="holds"):
        encoded(shape, value)


def test_a_structure_without_body_and_one_of_xml_are_kept():
    for value in (
        ExtensionObject(),
        ExtensionObject(NodeId(1, "i", 5), 2, b"<a/>"),
        ExtensionObject(NodeId(), 1, None),
    ):
        assert value == decoded(EXTENSION_OBJECT, encoded(EXTENSION_OBJECT, value))


def test_a_text_without_locale_is_kept():
    assert LocalizedText(None, "a") == decoded(LOCALIZED_TEXT, b"\x02\x01\0\0\0a")
