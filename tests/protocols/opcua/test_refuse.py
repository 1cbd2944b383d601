"""Refusals: one forbidden item among many never leaves, and its result stands at its place."""

from itertools import chain, combinations

import pytest

from icsguard.protocols.opcua.builtin import DataValue, DiagnosticInfo, Variant
from icsguard.protocols.opcua.headers import RequestHeader, ResponseHeader
from icsguard.protocols.opcua.messages_attribute import CallResult, WriteRequest, WriteValue
from icsguard.protocols.opcua.messages_session import CancelRequest
from icsguard.protocols.opcua.messages_view import StatusResponse
from icsguard.protocols.opcua.nodes import NodeId
from icsguard.protocols.opcua.refuse import answered, can_split, fault, splice, split
from icsguard.protocols.opcua.services import (
    SERVICES,
    build_request,
    build_response,
    parse_request,
    parse_response,
)
from icsguard.protocols.opcua.status import STATUS

DENIED, RANGE = STATUS["BadUserAccessDenied"], STATUS["BadOutOfRange"]


def write(count):
    items = tuple(WriteValue(NodeId(2, "i", n), 13, None, DataValue(Variant(11, float(n)))) for n in range(count))
    return parse_request(build_request(RequestHeader(handle=77), WriteRequest(items)))


def server(body, diagnostics=None):
    """Answer a Write as a server that gives each node a status of its own."""
    request = parse_request(body)
    assert request.defect is None
    statuses = tuple(1000 + item.node.identifier for item in request.body.items)
    told = tuple(diagnostics for _ in statuses) if diagnostics else None
    return build_response(673, ResponseHeader(5, request.header.handle), StatusResponse(statuses, told))


def test_a_request_is_refused_by_a_fault_with_its_handle():
    found = parse_response(fault(write(1), DENIED, 9))
    assert (397, DENIED, 77, 9) == (found.number, found.fault, found.header.handle, found.header.timestamp)


def test_one_forbidden_node_in_a_write_of_fifty_is_refused_alone():
    request = write(50)
    parts = split(request, {7: DENIED})
    sent = parse_request(parts.forward)
    assert (49, request.header) == (len(sent.body.items), sent.header)
    assert 7 not in {item.node.identifier for item in sent.body.items}
    results = parse_response(splice(parts, server(parts.forward))).body.results
    assert [DENIED if n == 7 else 1000 + n for n in range(50)] == list(results)


@pytest.mark.parametrize("refused", list(chain.from_iterable(combinations(range(4), n) for n in range(4))))
@pytest.mark.parametrize("diagnostics", [None, DiagnosticInfo(symbolic=3)])
def test_every_subset_of_four_items_keeps_its_order(refused, diagnostics):
    request = write(4)
    statuses = {n: RANGE if n % 2 else DENIED for n in refused}
    parts = split(request, statuses)
    assert refused or request.raw == parts.forward
    found = parse_response(splice(parts, server(parts.forward, diagnostics)))
    assert (None, 77) == (found.defect, found.header.handle)
    assert [statuses.get(n, 1000 + n) for n in range(4)] == list(found.body.results)
    due = [DiagnosticInfo() if n in refused else diagnostics for n in range(4)]
    assert (due if diagnostics else None) == (list(found.body.diagnostics) if found.body.diagnostics else None)


def test_a_request_of_forbidden_items_alone_is_answered_here():
    request = write(3)
    parts = split(request, dict.fromkeys(range(3), DENIED))
    assert b"" == parts.forward
    found = parse_response(answered(request, parts, 9))
    assert ((DENIED,) * 3, 0, 77, None) == (found.body.results, found.header.result, found.header.handle, found.defect)


@pytest.mark.parametrize("number", [631, 712, 751])
def test_other_services_of_many_items_are_refused_likewise(sample, number):
    law = SERVICES[number]
    bodies = [sample(law.request, seed) for seed in range(30)]
    body = next(body for body in bodies if len(body.items or ()) == 3)
    request = parse_request(build_request(RequestHeader(handle=1), body))
    parts = split(request, {1: DENIED})
    assert [body.items[0], body.items[2]] == list(parse_request(parts.forward).body.items)
    two = next(b for b in (sample(law.response, seed) for seed in range(60)) if len(b.results or ()) == 3)
    theirs = build_response(number, ResponseHeader(), two._replace(results=two.results[:2], diagnostics=None))
    found = parse_response(splice(parts, theirs)).body.results
    assert [two.results[0], DENIED, two.results[1]] == [found[0], found[1].status, found[2]]
    everything = split(request, dict.fromkeys(range(3), DENIED))
    assert [DENIED] * 3 == [one.status for one in parse_response(answered(request, everything, 0)).body.results]


def test_a_refused_call_has_no_outputs(sample):
    body = next(b for b in (sample(SERVICES[712].request, seed) for seed in range(30)) if b.items)
    request = parse_request(build_request(RequestHeader(), body))
    parts = split(request, dict.fromkeys(range(len(body.items)), DENIED))
    assert CallResult(DENIED, None, None, None) == parse_response(answered(request, parts, 0)).body.results[0]


def test_an_index_that_does_not_exist_does_not_count():
    assert {1: DENIED} == split(write(2), {-1: DENIED, 1: DENIED, 2: DENIED}).refused


def test_a_fault_of_the_server_stays_as_it_is():
    parts = split(write(2), {0: DENIED})
    for body in (
        build_response(673, ResponseHeader(result=0x80010000), None),
        build_response(673, ResponseHeader(result=0x80010000), StatusResponse(None, None)),
        b"other",
    ):
        assert body == splice(parts, body)


def test_an_answer_with_another_number_of_results_or_broken_is_a_defect():
    parts = split(write(3), {0: DENIED})
    assert "response-results" == splice(parts, build_response(673, ResponseHeader(), StatusResponse((0,), None))).code
    assert "codec-short" == splice(parts, server(parts.forward)[:-1]).code


def test_what_has_no_items_cannot_be_split():
    cancel = parse_request(build_request(RequestHeader(), CancelRequest(1)))
    assert [True, False] == [can_split(one) for one in (write(1), cancel)]
    assert "service-unknown" == split(cancel, {}).code
    broken = parse_request(write(1).raw[:-1])
    assert "codec-short" == split(broken, {0: DENIED}).code
    lying = write(1)._replace(raw=b"\1\0")
    assert "codec-short" == split(lying, {0: DENIED}).code
