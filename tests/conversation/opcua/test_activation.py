"""Who a user is, and how the token goes on to the device."""

import pytest

from icsguard.protocols.opcua.builtin import NO_EXTENSION, ExtensionObject
from icsguard.protocols.opcua.messages_session import AnonymousToken
from icsguard.protocols.opcua.nodes import NodeId
from icsguard.protocols.opcua.services import structure

BOTH = ("Basic256Sha256", 3)
BASE = "http://opcfoundation.org/UA/SecurityPolicy#"


def created(scene, security=BOTH):
    peer = scene.connect().hello().open(*security)
    peer.create()
    return peer


def seen(scene, peer):
    """Have the device note the identity token that reaches it."""
    tokens = []
    original = type(peer.end).on_activatesessionrequest

    def spy(end, request, asked):
        tokens.append(structure(asked.identity))
        return original(end, request, asked)

    peer.end.on_activatesessionrequest = spy.__get__(peer.end)
    return tokens


@pytest.mark.parametrize("token_security", [None, "Basic256Sha256", "Aes256_Sha256_RsaPss", "None"])
@pytest.mark.parametrize("server", [BOTH, ("None", 1)])
def test_a_password_reaches_the_device_as_its_token_policy_wants_it(world, server, token_security):
    scene = world(BOTH, server)
    scene.device.token_security = BASE + token_security if token_security else None
    peer = created(scene)
    tokens = seen(scene, peer)
    assert 0 == peer.activate("operator").fault
    (token,) = tokens
    assert ("name", "operator") == (token.policy, token.user)
    clear = token_security == "None" or (token_security is None and server == ("None", 1))
    assert (b"secret" == token.password) is clear
    assert (token.algorithm is None) is clear


def test_an_unknown_token_policy_of_the_device_is_refused(world):
    scene = world(BOTH, BOTH)
    scene.device.token_security = "urn:unknown"
    assert 0x80210000 == created(scene).activate("operator").fault


def test_no_identity_is_the_anonymous_one_of_the_device(world):
    scene = world(BOTH, BOTH)
    peer = created(scene)
    tokens = seen(scene, peer)
    assert 0 == peer.ask(peer.activation()._replace(identity=NO_EXTENSION)).fault
    assert [AnonymousToken("anon")] == tokens


@pytest.mark.parametrize(
    "identity", [ExtensionObject(NodeId(0, "i", 324), 1, b"\1\0"), ExtensionObject(NodeId(2, "i", 9), 1, b"")]
)
def test_a_token_that_cannot_be_read_is_refused(world, identity):
    scene = world(BOTH, BOTH)
    peer = created(scene)
    assert peer.ask(peer.activation()._replace(identity=identity)).fault in {0x80200000, 0x80210000}
    assert not scene.log


def test_a_device_without_such_users_gets_none(world):
    scene = world(BOTH, BOTH)
    original = scene.device.endpoints

    def anonymous_only():
        return tuple(one._replace(tokens=one.tokens[:1]) for one in original())

    scene.device.endpoints = anonymous_only
    peer = created(scene)
    assert [0] == [token.type for token in peer.session.endpoints[0].tokens]
    assert 0x80210000 == peer.activate("operator").fault
    assert 0 == peer.activate().fault


def test_a_password_in_the_clear_is_taken_only_where_nothing_else_is_possible(world, ua):
    scene = world(("None", 1), ("None", 1), policy=ua.a_policy(passwords_unsecured=True))
    peer = created(scene, ("None", 1))
    assert 0x80200000 == peer.activate("operator", blob=b"secret").fault
    assert 0 == peer.activate("operator").fault
