"""Pairing: each request ends in exactly one way, each stray answer has one name."""

import pytest

from icsguard.protocols.opcua.correlate import MAX_ENDED, MAX_IN_FLIGHT, MAX_PUBLISH, Correlator, Pairing, Pending
from icsguard.protocols.opcua.headers import RequestHeader, ResponseHeader
from icsguard.protocols.opcua.messages_attribute import ReadRequest, ReadResponse
from icsguard.protocols.opcua.messages_subscription import PublishRequest
from icsguard.protocols.opcua.services import build_request, build_response, parse_request, parse_response

READ = parse_request(build_request(RequestHeader(handle=5), ReadRequest(0.0, 0, None)))
PUBLISH = parse_request(build_request(RequestHeader(handle=5), PublishRequest(None)))


def pending(number, *, request=READ, deadline=100):
    return Pending(number, number, deadline, request)


NOTHING_READ = ReadResponse(None, None)


def answer(handle=5, *, fault=0, body=NOTHING_READ, service=631):
    return parse_response(build_response(service, ResponseHeader(handle=handle, result=fault), None if fault else body))


@pytest.fixture
def correlator():
    made = Correlator()
    for number in (1, 2, 3):
        assert made.add(pending(number, deadline=100 + number)) is None
    return made


def test_answers_pair_in_any_order(correlator):
    found = [correlator.match(number, answer()) for number in (3, 1, 2)]
    assert [3, 1, 2] == [match.pending.id for match in found]
    assert {(Pairing.MATCHED, None, None)} == {(match.pairing, match.defect, match.remark) for match in found}
    assert 0 == len(correlator)


def test_a_fault_answers_any_service(correlator):
    assert Pairing.MATCHED is correlator.match(1, answer(fault=0x80010000)).pairing


def test_the_answer_of_another_service_ends_the_request_as_a_mismatch(correlator):
    from icsguard.protocols.opcua.messages_view import StatusResponse

    found = correlator.match(1, answer(body=StatusResponse(None, None), service=673))
    assert (Pairing.MISMATCH, 1, "response-service") == (found.pairing, found.pending.id, found.defect.code)
    assert Pairing.DUPLICATE is correlator.match(1, answer()).pairing


def test_another_handle_is_remarked(correlator):
    assert "response-handle" == correlator.match(1, answer(handle=6)).remark.code


def test_a_stray_answer_has_a_name(correlator):
    assert [1] == [p.id for p in correlator.expire(101)]
    assert ["response-late", "response-duplicate"] == [correlator.match(1, answer()).defect.code for _ in range(2)]
    assert "response-unsolicited" == correlator.match(9, answer()).defect.code


def test_requests_end_at_their_deadline_and_a_publish_does_not(correlator):
    correlator.add(pending(4, request=PUBLISH, deadline=0))
    assert 101 == correlator.next_deadline()
    assert [1, 2] == [p.id for p in correlator.expire(102)]
    assert [3] == [p.id for p in correlator.expire(10**30)]
    assert (None, 1) == (correlator.next_deadline(), len(correlator))


def test_a_request_id_in_flight_cannot_be_used_again(correlator):
    assert "request-repeated" == correlator.add(pending(1)).code


def test_requests_in_flight_are_bounded_and_publish_has_a_bound_of_its_own():
    correlator = Correlator()
    assert {None} == {correlator.add(pending(number, request=PUBLISH)) for number in range(MAX_PUBLISH)}
    assert "publish-overflow" == correlator.add(pending(10**6, request=PUBLISH)).code
    assert {None} == {correlator.add(pending(1000 + number)) for number in range(MAX_IN_FLIGHT)}
    assert "request-overflow" == correlator.add(pending(10**6)).code
    correlator.match(0, answer())
    assert correlator.add(pending(10**6, request=PUBLISH)) is None


def test_a_lost_channel_ends_everything_once(correlator):
    assert [1, 2, 3] == [p.id for p in correlator.drain()]
    assert ([], 0) == (correlator.drain(), len(correlator))
    assert Pairing.UNSOLICITED is correlator.match(1, answer()).pairing


def test_what_has_ended_is_remembered_within_bounds():
    correlator = Correlator()
    for number in range(MAX_ENDED + 5):
        correlator.add(pending(number))
        correlator.match(number, answer())
    assert Pairing.UNSOLICITED is correlator.match(0, answer()).pairing
    assert Pairing.DUPLICATE is correlator.match(MAX_ENDED, answer()).pairing
