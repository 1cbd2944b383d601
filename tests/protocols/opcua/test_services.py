"""Services: parse and build are inverse, and what is wrong is a defect with the service's name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsguard.core.defect import Defect
from icsguard.protocols.opcua.builtin import ExtensionObject
from icsguard.protocols.opcua.headers import REQUEST_HEADER, Nothing, RequestHeader, ResponseHeader
from icsguard.protocols.opcua.messages_attribute import ReadRequest, ReadResponse
from icsguard.protocols.opcua.messages_session import AnonymousToken, UserNameToken
from icsguard.protocols.opcua.messages_subscription import DataChange
from icsguard.protocols.opcua.nodes import NodeId
from icsguard.protocols.opcua.services import (
    ANSWERS,
    BY_NAME,
    SERVICE_FAULT,
    SERVICES,
    STRUCTURES,
    build_request,
    build_response,
    message,
    parse_request,
    parse_response,
    peek,
    structure,
    wrapped,
)

KNOWN = [law for law in SERVICES.values() if law.request is not None]
OPAQUE = [law for law in SERVICES.values() if law.request is None]
READ = build_request(RequestHeader(handle=9), ReadRequest(0.0, 2, None))


@pytest.mark.parametrize("law", KNOWN, ids=lambda law: law.name)
def test_a_request_is_read_as_it_was_built(sample, law):
    header, body = sample(RequestHeader, 1), sample(law.request, 1)
    raw = message(law.number, REQUEST_HEADER, header, body)
    assert (law.number, header, body, None, raw) == parse_request(raw)
    assert law.request is Nothing or raw == build_request(header, body)
    assert (law.number, law.name) == (peek(raw), parse_request(raw).name)


@pytest.mark.parametrize("law", KNOWN, ids=lambda law: law.name)
def test_a_response_is_read_as_it_was_built(sample, law):
    header, body = sample(ResponseHeader, 1), sample(law.response, 1)
    raw = build_response(law.number, header, body)
    assert (law.number, header, body, None, raw) == parse_response(raw)
    assert law.answer == peek(raw)


@pytest.mark.parametrize("law", OPAQUE, ids=lambda law: law.name)
def test_a_service_known_by_name_has_its_header_read_and_its_body_kept(law):
    raw = message(law.number, REQUEST_HEADER, RequestHeader(handle=4), Nothing()) + b"opaque"
    found = parse_request(raw)
    assert (law.number, 4, None, None, raw) == (found.number, found.header.handle, *found[2:])


def test_a_fault_is_told_with_its_status():
    found = parse_response(build_response(631, ResponseHeader(handle=9, result=0x800B0000), None))
    assert (SERVICE_FAULT, 0x800B0000, None, None) == (found.number, found.fault, found.body, found.defect)
    assert 0 == parse_response(build_response(631, ResponseHeader(result=0x00A20000), ReadResponse(None, None))).fault


@pytest.mark.parametrize(
    ("raw", "due"),
    [
        (b"", "codec-short"),
        (b"\1\0\x77", "codec-short"),
        (READ[:-1], "codec-short"),
        (READ + b"\0", "codec-trailing"),
        (b"\1\1\x77\2" + READ[4:], "service-type"),
        (b"\3\0\0\1\0\0\0a", "service-type"),
        (b"\2\0\0\x77\2\1\0" + READ[4:], "service-type"),
        (b"\1\0\xff\xff" + READ[4:], "service-unknown"),
        (b"\1\0\x7a\2" + READ[4:], "service-direction"),
        (b"\1\0\x8d\1" + READ[4:], "service-direction"),
    ],
)
def test_a_breach_is_a_defect_with_its_code(raw, due):
    found = parse_request(raw)
    assert (due, None) == (found.defect.code, found.body)
    assert found.name == ("Read" if found.number == 631 else f"service {found.number}")


@pytest.mark.parametrize(
    ("number", "due"), [(631, "service-direction"), (60_000, "service-unknown"), (634, "codec-short")]
)
def test_a_breach_of_a_response_is_a_defect_with_its_code(number, due):
    assert due == parse_response(b"\1\0" + number.to_bytes(2, "little")).defect.code


def test_a_fault_with_more_behind_it_is_a_defect():
    assert "codec-trailing" == parse_response(build_response(0, ResponseHeader(), None) + b"\0").defect.code


@pytest.mark.parametrize("raw", [b"\2\0\0\x77\2\0\0", b"\1\0\x77\2"])
def test_a_type_id_is_the_same_in_every_encoding(raw):
    assert 631 == peek(raw)


@pytest.mark.parametrize("raw", [b"", b"\1", b"\3\0\0\xff\xff\xff\xff", b"\2\1\0\x77\2\0\0"])
def test_bytes_without_type_id_have_none(raw):
    assert 0 == peek(raw)


@given(st.binary(max_size=300), st.sampled_from([law.number for law in KNOWN] + [law.answer for law in KNOWN]))
def test_noise_never_raises(noise, number):
    raw = b"\1\0" + number.to_bytes(2, "little") + noise
    for found in (parse_request(raw), parse_response(raw), parse_request(noise), parse_response(noise)):
        assert found.defect is None or found.body is None


def test_only_what_belongs_to_a_service_can_be_built():
    with pytest.raises(ValueError, match="no single service"):
        build_request(RequestHeader(), AnonymousToken("a"))
    for number in (1, 673):
        with pytest.raises(ValueError, match="does not answer"):
            build_response(number, ResponseHeader(), ReadResponse(None, None))


def test_no_two_services_share_a_number_or_a_name():
    assert len(SERVICES) == len(ANSWERS) == len(BY_NAME)
    assert not set(SERVICES) & set(ANSWERS)


@pytest.mark.parametrize("kind", STRUCTURES.values())
def test_a_structure_is_unwrapped_as_it_was_wrapped(sample, kind):
    value = sample(kind, 3)
    assert value == structure(wrapped(value))
    broken = wrapped(value)._replace(body=b"\1")
    assert isinstance(structure(broken), Defect)


def test_a_structure_of_an_unknown_type_stays_opaque():
    for one in (
        ExtensionObject(NodeId(0, "i", 5), 1, b""),
        ExtensionObject(NodeId(1, "i", 811), 1, b""),
        ExtensionObject(),
    ):
        assert structure(one) is None
    with pytest.raises(ValueError, match="no structure"):
        wrapped(RequestHeader())


def test_a_user_name_token_has_its_type():
    assert NodeId(0, "i", 324) == wrapped(UserNameToken("p", "u", b"", None)).type
    assert NodeId(0, "i", 811) == wrapped(DataChange(None, None)).type


def test_the_numbers_are_those_of_asyncua():
    ids = pytest.importorskip("asyncua.ua").ObjectIds
    renamed = {"TranslateBrowsePaths": "TranslateBrowsePathsToNodeIds"}
    for law in SERVICES.values():
        name = renamed.get(law.name, law.name)
        kind = "Type" if law.name == "SessionlessInvoke" else ""
        assert law.number == getattr(ids, f"{name}Request{kind}_Encoding_DefaultBinary")
        assert law.answer == getattr(ids, f"{name}Response{kind}_Encoding_DefaultBinary")
