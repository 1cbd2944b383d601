"""The one function that says what clients are told."""

from icsguard.conversation.opcua.endpoints import BASIC256SHA256, Face, chosen, endpoints, servers
from icsguard.protocols.opcua.builtin import LocalizedText
from icsguard.protocols.opcua.messages_session import ApplicationDescription, EndpointDescription, UserTokenPolicy
from icsguard.protocols.opcua.security import NONE

SERVER = ApplicationDescription(
    "urn:d", "p", LocalizedText(None, "D"), 0, "urn:gw", "prof", ("opc.tcp://a:1", "https://b")
)
TOKENS = tuple(UserTokenPolicy(f"t{kind}", kind, None, "issuer", "urn:any") for kind in range(4))
CLEAR = EndpointDescription("opc.tcp://a:1", SERVER, b"device", 1, NONE.uri, TOKENS, None, 0)
BOTH = CLEAR._replace(mode=3, policy=BASIC256SHA256)
FACE = Face("opc.tcp://gw:4840", b"ours", "urn:gateway", ((BASIC256SHA256, 3), (BASIC256SHA256, 2), (NONE.uri, 1)))


def test_the_endpoint_of_our_own_leg_is_the_model():
    assert BOTH is chosen((CLEAR, BOTH), (BASIC256SHA256, 3))
    assert None is chosen((CLEAR,), (BASIC256SHA256, 3))
    assert None is chosen(
        (CLEAR._replace(transport="http://opcfoundation.org/UA-Profile/Transport/https-uabinary"),), (NONE.uri, 1)
    )
    assert () == endpoints((CLEAR,), (BASIC256SHA256, 3), FACE)


def test_everything_that_names_the_device_names_the_gateway():
    for found in endpoints((CLEAR, BOTH), (NONE.uri, 1), FACE):
        assert (FACE.url, b"ours", "urn:gateway", (FACE.url,)) == (
            found.url,
            found.certificate,
            found.server.uri,
            found.server.urls,
        )
        assert None is found.server.gateway
        assert [0, 1] == [token.type for token in found.tokens]


def test_a_password_is_encrypted_wherever_there_is_a_key():
    by_mode = {found.mode: found.tokens for found in endpoints((CLEAR,), (NONE.uri, 1), FACE)}
    assert [None, BASIC256SHA256] == [token.security for token in by_mode[3]]
    assert [None, BASIC256SHA256] == [token.security for token in by_mode[1]]
    bare = endpoints((CLEAR,), (NONE.uri, 1), FACE._replace(certificate=None, security=((NONE.uri, 1),)))
    assert [None, None] == [token.security for token in bare[0].tokens]


def test_better_security_has_the_higher_level():
    levels = [found.level for found in endpoints((CLEAR,), (NONE.uri, 1), FACE)]
    assert levels == sorted(levels, reverse=True)
    assert 0 == levels[-1]


def test_without_a_name_of_our_own_the_devices_stays():
    (found, *_) = endpoints((CLEAR,), (NONE.uri, 1), FACE._replace(application=""))
    assert "urn:d" == found.server.uri


def test_find_servers_shows_the_device_alone():
    other = SERVER._replace(uri="urn:other")
    assert ["urn:gateway"] == [server.uri for server in servers((other, SERVER), "urn:d", FACE)]
    assert () == servers((other,), "urn:d", FACE)
