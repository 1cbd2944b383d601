"""Cutting messages at their seams: the pieces are the bytes that came."""

import pytest

from icsguard.core.defect import Defect
from icsguard.protocols.opcua.builtin import DiagnosticInfo
from icsguard.protocols.opcua.codec import decoded
from icsguard.protocols.opcua.headers import RequestHeader, ResponseHeader
from icsguard.protocols.opcua.items import ITEMS, cut_request, cut_response, joined, refused_result
from icsguard.protocols.opcua.messages_view import StatusResponse
from icsguard.protocols.opcua.services import SERVICES, build_request, build_response

NUMBERS = list(ITEMS)


@pytest.mark.parametrize("number", NUMBERS)
def test_the_pieces_of_a_request_are_its_bytes(sample, number):
    for seed in range(20):
        body = sample(SERVICES[number].request, seed)
        raw = build_request(sample(RequestHeader, seed), body)
        cut = cut_request(number, raw)
        assert len(body.items or ()) == len(cut.items)
        assert list(body.items or ()) == [decoded(ITEMS[number].item, item) for item in cut.items]
        assert not cut.items or raw == joined(cut.head, cut.items)
        assert isinstance(cut_request(number, raw + b"\0"), Defect)


@pytest.mark.parametrize("number", NUMBERS)
def test_the_pieces_of_a_response_are_its_bytes(sample, number):
    for seed in range(20):
        body = sample(SERVICES[number].response, seed)
        body = body._replace(
            diagnostics=body.diagnostics if len(body.diagnostics or ()) == len(body.results or ()) else ()
        )
        raw = build_response(number, sample(ResponseHeader, seed), body)
        cut = cut_response(number, raw)
        assert (len(body.results or ()), len(body.diagnostics or ())) == (len(cut.items), len(cut.diagnostics))
        assert not (cut.items and cut.diagnostics) or raw == joined(cut.head, cut.items, cut.diagnostics)
        assert isinstance(cut_response(number, raw[:-1]), Defect)


def test_diagnostics_that_are_not_one_for_each_result_are_a_defect():
    raw = build_response(673, ResponseHeader(), StatusResponse((0, 0), (DiagnosticInfo(),)))
    assert "response-results" == cut_response(673, raw).code


@pytest.mark.parametrize("number", NUMBERS)
def test_a_refused_result_says_its_status(number):
    result = decoded(ITEMS[number].result, refused_result(number, 0x801F0000))
    assert 0x801F0000 == (result if number == 673 else result.status)


def test_an_array_without_elements_is_null():
    assert b"head\xff\xff\xff\xff" == joined(b"head", ())
