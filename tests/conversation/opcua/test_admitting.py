"""Sessions of a channel that passes through: known from their beginning, admitted by policy."""

import pytest

from icsguard.core.decision import Mode
from icsguard.protocols.opcua.messages_session import CloseSessionRequest, GetEndpointsRequest
from icsguard.protocols.opcua.nodes import NodeId

NONE, SIGN = ("None", 1), ("Basic256Sha256", 2)
NO_SESSION = 0x80250000


@pytest.fixture
def passing(world):
    return lambda *given, **options: world(*given, way="passthrough", **options)


def test_discovery_needs_no_right(passing, ua):
    scene = passing(policy=ua.a_policy(rules=()))
    peer = scene.connect().hello().open()
    assert peer.ask(GetEndpointsRequest("opc.tcp://d", None, None)).body.endpoints


def test_policy_decides_who_may_have_a_session(passing, ua):
    scene = passing(policy=ua.a_policy(anonymous=False))
    peer = scene.connect().hello().open()
    peer.create()
    assert peer.activate().fault
    assert not scene.log
    assert peer.talk.identity is None


def test_observing_it_passes_and_is_recorded(passing, ua):
    scene = passing(policy=ua.a_policy(anonymous=False), mode=Mode.OBSERVE)
    peer = scene.connect().start()
    assert peer.talk.identity is not None
    assert "refuse" in {record.would_be for record in scene.records}


def test_the_user_and_the_certificate_are_known_under_sign(passing):
    scene = passing(SIGN, SIGN, on_deny="cut")
    peer = scene.connect().hello().open(*SIGN)
    peer.create()
    peer.server = peer.server._replace(der=scene.ids["device"].certificate)
    assert 0 == peer.activate("operator").fault
    found = peer.talk.identity
    assert ("urn:client", "operator", 2) == (found.uri, found.user, found.mode)
    assert 64 == len(found.certificate)


def test_sessions_of_one_client_are_bounded(passing, ua):
    scene = passing(policy=ua.a_policy(limits=ua.UaLimits(sessions_per_client=1)))
    scene.connect().start()
    assert 0x80560000 == scene.connect().hello().open().create().fault


@pytest.mark.parametrize("token", [NodeId(), NodeId(0, "b", b"guess")])
def test_a_request_without_an_active_session_is_refused(passing, token):
    scene = passing()
    peer = scene.connect().start()
    peer.token = token
    assert NO_SESSION == peer.read("P1").fault
    assert NO_SESSION == peer.activate().fault


def test_a_session_is_its_clients_alone(passing):
    scene = passing()
    peer = scene.connect().start()
    thief = scene.connect("10.0.0.22").hello().open()
    thief.token, thief.session = peer.token, peer.session
    assert 0x80220000 == thief.activate().fault
    assert NO_SESSION == thief.read("P1").fault
    assert peer.read("P1").body


def test_a_closed_session_is_forgotten(passing):
    scene = passing()
    peer = scene.connect().start()
    assert 1 == len(scene.guard.ledger)
    assert 0 == peer.ask(CloseSessionRequest(subscriptions=True)).fault
    assert 0 == len(scene.guard.ledger)
