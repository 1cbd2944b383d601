"""Answers that teach, and those that do not."""

from icsguard.protocols.opcua.builtin import DataValue, QualifiedName, Variant
from icsguard.protocols.opcua.headers import RequestHeader, ResponseHeader
from icsguard.protocols.opcua.learning import is_telling, learn
from icsguard.protocols.opcua.messages_attribute import ReadRequest, ReadResponse, ReadValueId
from icsguard.protocols.opcua.messages_view import RegisterNodesRequest
from icsguard.protocols.opcua.nodes import OPC_NAMESPACE, NodeId
from icsguard.protocols.opcua.services import build_request, build_response, parse_request
from icsguard.protocols.opcua.sessions import NAMESPACE_ARRAY, Sessions


def reading(node):
    item = ReadValueId(node, 13, None, QualifiedName(0, None))
    return parse_request(build_request(RequestHeader(), ReadRequest(0.0, 3, (item,))))


def names(*uris):
    value = DataValue(Variant(12, uris, is_array=True))
    return build_response(631, ResponseHeader(), ReadResponse((value,), None))


def test_only_the_namespace_array_and_changes_of_a_session_teach():
    assert is_telling(reading(NAMESPACE_ARRAY))
    assert not is_telling(reading(NodeId(0, "i", 2256)))
    assert is_telling(parse_request(build_request(RequestHeader(), RegisterNodesRequest(None))))


def test_names_are_learned_and_rise_the_generation_once():
    known, request = Sessions(), reading(NAMESPACE_ARRAY)
    answer = names(OPC_NAMESPACE, "urn:d")
    for _ in range(2):
        assert None is learn(known, request, request.raw, answer)
    assert ((OPC_NAMESPACE, "urn:d"), 1) == (known.namespaces, known.generation)


def test_an_answer_that_breaks_the_law_teaches_nothing():
    known, request = Sessions(), reading(NAMESPACE_ARRAY)
    assert "codec-short" == learn(known, request, request.raw, names(OPC_NAMESPACE)[:-1]).code
    assert () == known.namespaces
    assert None is learn(known, reading(NodeId()), b"", b"")
