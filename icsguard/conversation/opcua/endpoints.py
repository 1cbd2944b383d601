"""What clients are told about the gateway: one function makes the endpoints of GetEndpoints and CreateSession alike.

Strict clients compare the two lists (P4 §5.5.4, §5.6.2) and refuse on any difference, so nothing here depends on
anything but the device's list and the gateway's face.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from icsguard.protocols.opcua.messages_session import ApplicationDescription, EndpointDescription, UserTokenPolicy
from icsguard.protocols.opcua.security import POLICIES, SecurityMode

MAX_ENDPOINTS: Final = 64  # of a device that are looked at; servers have some ten
ANONYMOUS, USER_NAME, X509, ISSUED = range(4)
"""UserTokenType (P4 §7.37)."""
TRANSPORT: Final = "http://opcfoundation.org/UA-Profile/Transport/uatcp-uasc-uabinary"
BASIC256SHA256: Final = "http://opcfoundation.org/UA/SecurityPolicy#Basic256Sha256"
_CARRIED: Final = frozenset({ANONYMOUS, USER_NAME})
"""X509 users sign the device's nonce with a key that we do not have; issued tokens are not carried either."""


class Face(NamedTuple):
    """What the gateway shows to clients."""

    url: str
    certificate: bytes | None
    application: str
    """ApplicationUri; empty for the device's own."""
    security: tuple[tuple[str, int], ...]
    """Policy URI and mode, best first."""


def chosen(device: tuple[EndpointDescription, ...], security: tuple[str, int]) -> EndpointDescription | None:
    """Return the device's endpoint that has the security of our leg to it."""
    for endpoint in device[:MAX_ENDPOINTS]:
        if (endpoint.policy, endpoint.mode) == security and (endpoint.transport or TRANSPORT) == TRANSPORT:
            return endpoint
    return None


def endpoints(
    device: tuple[EndpointDescription, ...], security: tuple[str, int], face: Face
) -> tuple[EndpointDescription, ...]:
    """Return the endpoints that clients see; empty where the device has none for our leg to it."""
    model = chosen(device, security)
    if model is None:
        return ()
    server = application(model.server, face)
    return tuple(
        EndpointDescription(
            face.url,
            server,
            face.certificate,
            mode,
            policy,
            tokens(model, policy, face),
            TRANSPORT,
            _level(policy, mode),
        )
        for policy, mode in face.security
    )


def application(server: ApplicationDescription, face: Face) -> ApplicationDescription:
    """Return the device's description of itself with our names and address in it."""
    return server._replace(uri=face.application or server.uri, urls=(face.url,), gateway=None, profile=None)


def tokens(model: EndpointDescription, policy: str, face: Face) -> tuple[UserTokenPolicy, ...]:
    """Return the ways for users to say who they are that can be carried over."""
    return tuple(
        UserTokenPolicy(token.id, token.type, None, None, _secured_by(token, policy, face))
        for token in model.tokens or ()
        if token.type in _CARRIED
    )


def _secured_by(token: UserTokenPolicy, policy: str, face: Face) -> str | None:
    """Return the policy that encrypts a password: the endpoint's own, and under None one that needs our certificate."""
    if token.type != USER_NAME:
        return None
    if POLICIES[policy].secures:
        return policy
    return BASIC256SHA256 if face.certificate else None


def _level(policy: str, mode: int) -> int:
    """Return how much an endpoint is to be preferred (P4 §7.14): the longer the keys, and encryption before signing."""
    law = POLICIES[policy]
    return min(255, law.encrypting_key * mode) if mode != SecurityMode.NONE else 0


def servers(found: tuple[ApplicationDescription, ...], device: str, face: Face) -> tuple[ApplicationDescription, ...]:
    """Return the answer to FindServers: the device alone, `device` its ApplicationUri, under our address."""
    return tuple(application(server, face) for server in found[:MAX_ENDPOINTS] if server.uri == device)[:1]
