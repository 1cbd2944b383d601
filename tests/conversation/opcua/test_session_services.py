"""Discovery and sessions between two channels: who gets in, and what each side is shown."""

import pytest

from icsguard.core.decision import Mode
from icsguard.protocols.opcua.builtin import LocalizedText
from icsguard.protocols.opcua.messages_session import (
    ApplicationDescription,
    CertificateToken,
    CloseSessionRequest,
    FindServersRequest,
    GetEndpointsRequest,
    IssuedToken,
    SignatureData,
    UserNameToken,
)
from icsguard.protocols.opcua.nodes import NULL_NODE, NodeId
from icsguard.protocols.opcua.services import wrapped

BOTH = ("Basic256Sha256", 3)
NONE = ("None", 1)
URL = "opc.tcp://gw:4840"
CHECKS, DENIED, INVALID, REJECTED = 0x80130000, 0x801F0000, 0x80200000, 0x80210000
NO_SESSION = 0x80250000


def greeted(scene, security=BOTH):
    return scene.connect().hello().open(*security)


def created(scene, security=BOTH):
    peer = greeted(scene, security)
    peer.create()
    return peer


def test_get_endpoints_equals_the_list_of_create_session(world):
    scene = world((BOTH, ("Basic256Sha256", 2)), BOTH)
    found = greeted(scene, NONE).ask(GetEndpointsRequest(URL, None, None)).body.endpoints
    peer = created(scene)
    assert found == peer.session.endpoints
    assert found == greeted(scene, NONE).ask(GetEndpointsRequest(URL, None, None)).body.endpoints


def test_endpoints_show_the_gateway_and_only_users_that_can_be_carried_over(world, ids):
    scene = world((BOTH, ("Basic256Sha256", 2)), BOTH)
    first, second = greeted(scene, NONE).ask(GetEndpointsRequest(URL, None, None)).body.endpoints
    assert (URL, 3, "urn:gateway") == (first.url, first.mode, first.server.uri)
    assert (2, ids["gateway"].certificate, (URL,)) == (second.mode, second.certificate, second.server.urls)
    assert [0, 1] == [token.type for token in first.tokens]
    assert [None, first.policy] == [token.security for token in first.tokens]


def test_find_servers_names_the_device_alone_under_our_address(world):
    scene = world(BOTH, BOTH)
    found = greeted(scene, NONE).ask(FindServersRequest(URL, None, None)).body.servers
    assert [("urn:gateway", (URL,))] == [(server.uri, server.urls) for server in found]


def test_without_security_only_discovery_is_served_where_security_is_on(world):
    scene = world(BOTH, BOTH)
    peer = greeted(scene, NONE)
    assert peer.ask(GetEndpointsRequest(URL, None, None)).body.endpoints
    assert 0x80550000 == peer.create().fault
    assert not scene.device.sessions


def test_the_devices_certificate_is_found_out_and_used(world):
    scene = world(BOTH, BOTH, known=False)
    peer = scene.connect().start(*BOTH)
    assert 2 == len(peer.ends)
    assert "Basic256Sha256" == peer.end.channel.policy.name
    assert peer.read("Allowed").body is not None


def test_an_untrusted_device_gets_no_session(world, ua):
    scene = world(BOTH, BOTH, known=False, trust=ua.OpenTrust("urn:device"))
    peer = greeted(scene)
    assert None is peer.create()
    assert 0x80050000 == peer.error.code
    assert any("urn:device is not trusted" in record.text for record in scene.records)
    assert not scene.device.sessions


def test_a_device_with_another_certificate_than_expected_gets_no_session(world, ids):
    scene = world(BOTH, BOTH)
    scene.device.certificate = ids["stranger"].certificate
    peer = greeted(scene)
    assert 0x80120000 == peer.create().fault


def test_a_device_that_signs_wrongly_gets_no_session(world):
    scene = world(BOTH, BOTH)
    scene.device.lies = True
    assert CHECKS == greeted(scene).create().fault
    assert 0 == len(scene.guard.ledger)


@pytest.mark.parametrize(
    ("changes", "due"),
    [
        ({"certificate": None}, 0x80120000),
        ({"nonce": b"short"}, 0x80240000),
    ],
)
def test_a_create_session_that_contradicts_its_channel_is_refused(world, changes, due):
    scene = world(BOTH, BOTH)
    assert due == greeted(scene).create(**changes).fault
    assert not scene.device.sessions


def test_an_application_uri_that_is_not_the_certificates_is_refused(world):
    scene = world(BOTH, BOTH)
    peer = created(scene)
    other = ApplicationDescription("urn:other", "p", LocalizedText(None, "C"), 1, None, None, None)
    assert 0x80170000 == peer.create(client=other).fault


def test_an_untrusted_client_is_told_only_that_checks_failed(world, ua):
    scene = world(BOTH, BOTH, trust=ua.OpenTrust("urn:client"))
    peer = greeted(scene)
    assert CHECKS == peer.error.code
    assert peer.error.reason.startswith("icsguard r1-")
    assert not peer.ends


def test_a_live_channel_ends_when_its_certificate_is_no_longer_trusted(world, ua):
    scene = world(BOTH, BOTH)
    peer = scene.connect().start(*BOTH)
    scene.guard.retrust(ua.OpenTrust("urn:client"))
    assert [peer.talk.flow] == list(scene.guard.wakeups)
    peer.tick()
    assert CHECKS == peer.error.code
    assert peer.closed


def test_a_wrong_password_is_the_devices_to_refuse_and_a_right_one_may_follow(world):
    scene = world(BOTH, BOTH)
    peer = created(scene)
    assert DENIED == peer.activate("operator", "wrong").fault
    assert 0 == peer.activate("operator", "secret").fault
    assert [("activated", "operator")] == scene.log


def test_a_replayed_activation_is_refused(world):
    scene = world(BOTH, BOTH)
    peer = created(scene)
    wish = peer.activation("operator")
    assert 0 == peer.ask(wish).fault
    assert CHECKS == peer.ask(wish).fault
    assert 1 == len(scene.log)


def test_a_password_that_was_encrypted_for_another_nonce_is_refused(world):
    scene = world(BOTH, BOTH)
    peer = created(scene)
    blob, algorithm = peer.encrypted("secret", bytes(32))
    assert INVALID == peer.activate("operator", blob=blob, algorithm=algorithm).fault
    assert INVALID == peer.activate("operator", blob=b"secret", algorithm=None).fault
    assert not scene.log


def test_a_wrong_client_signature_is_refused(world):
    scene = world(BOTH, BOTH)
    peer = created(scene)
    wish = peer.activation()._replace(signature=SignatureData("alg", bytes(256)))
    assert CHECKS == peer.ask(wish).fault
    assert not scene.log


@pytest.mark.parametrize("token", [CertificateToken("x509", b"c"), IssuedToken("i", b"t", None)])
def test_users_that_cannot_be_carried_over_are_refused(world, token):
    scene = world(BOTH, BOTH)
    peer = created(scene)
    assert REJECTED == peer.ask(peer.activation()._replace(identity=wrapped(token))).fault


@pytest.mark.parametrize("user", ["", "x" * 300])
def test_a_user_name_must_have_a_sensible_length(world, user):
    scene = world(BOTH, BOTH)
    peer = created(scene)
    token = wrapped(UserNameToken("name", user, b"x", None))
    assert INVALID == peer.ask(peer.activation()._replace(identity=token)).fault


def test_policy_decides_who_may_have_a_session(world, ua):
    scene = world(BOTH, BOTH, policy=ua.a_policy(anonymous=False))
    peer = created(scene)
    assert peer.activate().fault
    assert 0 == peer.activate("operator").fault
    assert 1 == len([record for record in scene.records if record.kind.value == "verdict"])


def test_observing_policy_only_records_who_may_not_have_a_session(world, ua):
    scene = world(BOTH, BOTH, policy=ua.a_policy(anonymous=False), mode=Mode.OBSERVE)
    peer = created(scene)
    assert 0 == peer.activate().fault
    assert ["refuse"] == [record.would_be for record in scene.records]


def test_a_session_goes_on_on_a_new_channel_of_its_client_and_no_longer_on_the_old_one(world):
    scene = world(BOTH, BOTH)
    first = scene.connect().start(*BOTH)
    second = greeted(scene)
    second.token, second.session = first.token, first.session
    assert 0 == second.activate().fault
    assert second.read("Allowed").body is not None
    assert NO_SESSION == first.read("Allowed").fault


def test_a_session_is_not_another_clients_to_activate(world, ids):
    scene = world(BOTH, BOTH)
    first = scene.connect().start(*BOTH)
    thief = scene.connect().hello()
    thief.identity = ids["stranger"]
    thief.open(*BOTH)
    thief.token, thief.session = first.token, first.session
    assert 0x80220000 == thief.activate().fault
    assert first.read("Allowed").body is not None


def test_without_security_a_session_belongs_to_its_address(world):
    scene = world(NONE, NONE)
    first = scene.connect().start()
    thief = scene.connect("10.0.0.22").hello().open()
    thief.token, thief.session = first.token, first.session
    assert 0x80220000 == thief.activate().fault


@pytest.mark.parametrize("token", [NULL_NODE, NodeId(0, "b", b"guess")])
def test_a_request_without_a_session_is_refused(world, token):
    scene = world(NONE, NONE)
    peer = created(scene, NONE)
    peer.token = token
    assert NO_SESSION == peer.read("Allowed").fault
    assert NO_SESSION == peer.activate().fault


def test_a_session_that_is_not_active_serves_nothing_but_its_end(world):
    scene = world(NONE, NONE)
    peer = created(scene, NONE)
    assert NO_SESSION == peer.read("Allowed").fault
    assert 0 == peer.ask(CloseSessionRequest(subscriptions=True)).fault
    assert not scene.device.sessions
    assert 0 == len(scene.guard.ledger)


def test_sessions_of_one_client_are_bounded(world, ua):
    scene = world(NONE, NONE, policy=ua.a_policy(limits=ua.UaLimits(sessions_per_client=2)))
    created(scene, NONE)
    created(scene, NONE)
    assert 0x80560000 == greeted(scene, NONE).create().fault
    assert 2 == len(scene.device.sessions)


def test_a_device_that_does_not_answer_create_session_is_told_of_in_time(world):
    scene = world(NONE, NONE)
    scene.device.silent.add("CreateSession")
    peer = greeted(scene, NONE)
    assert None is peer.create()
    peer.tick(2)
    (answer,) = [peer.got(id_) for id_ in list(peer.answers)]
    assert 0x800A0000 == answer.fault


def test_an_unreachable_device_is_told_of_at_once(world):
    scene = world(NONE, NONE)
    scene.down = "refused"
    peer = greeted(scene, NONE)
    assert None is peer.create()
    assert 0x80050000 == peer.error.code
    assert peer.closed
    assert ["device"] == [record.kind.value for record in scene.records]


def test_a_session_that_the_device_has_forgotten_is_forgotten_here(world):
    scene = world(NONE, NONE)
    peer = scene.connect().start()
    scene.device.sessions.clear()
    assert NO_SESSION == peer.read("P1").fault
    assert 0 == len(scene.guard.ledger)
    assert None is scene.guard.known.of(peer.token)


def test_a_long_request_before_a_session_ends_the_connection(world):
    scene = world(NONE, NONE)
    peer = greeted(scene, NONE)
    peer.post(peer.raw(GetEndpointsRequest("x" * 60_000, None, None)) + bytes(30_000))
    assert 0x80800000 == peer.error.code


def test_secrets_are_in_no_record_and_no_mirror(world):
    scene = world(BOTH, BOTH)
    peer = scene.connect().start(*BOTH, user="operator")
    peer.write(Denied=1.0)
    token = peer.token.identifier
    assert not any(token.hex() in record.request for record in scene.records)
    rows = scene.guard.run.mirror
    assert not any(token in row[6] or b"secret" in row[6] or token in row[7] for row in rows)


def test_two_activations_at_once_are_one_too_many(world):
    scene = world(BOTH, BOTH)
    peer = created(scene)
    scene.holds_jobs = True
    first, second = peer.post(peer.raw(peer.activation())), peer.post(peer.raw(peer.activation()))
    assert 0x80EE0000 == peer.got(second).fault
    peer.finish_jobs()
    assert 0 == peer.got(first).fault


def test_a_device_that_goes_away_during_activation_leaves_the_session_free_for_another(world):
    scene = world(NONE, NONE)
    scene.device.silent.add("ActivateSession")
    peer = created(scene, NONE)
    assert None is peer.activate()
    peer.carry_out(peer.talk.link_lost("reset", scene.now))
    assert 0 == scene.guard.ledger.of(peer.token).activating
    assert 0x80050000 == peer.error.code
