"""Parameters of the services around a session: discovery, secure channel, session (P4 §5.4 to §5.6)."""

from __future__ import annotations

from typing import NamedTuple

from icsguard.protocols.opcua.builtin import Diagnostic, Extension, Localized
from icsguard.protocols.opcua.codec import F64, I32, U8, U32, Array, Blob, Bool, Status, Text, Ticks
from icsguard.protocols.opcua.nodes import Node


class ApplicationDescription(NamedTuple):
    """Who a client or server says it is (P4 §7)."""

    uri: Text
    product: Text
    name: Localized
    type: I32
    """0 server, 1 client, 2 both, 3 discovery server."""
    gateway: Text
    profile: Text
    urls: Array[Text]


class UserTokenPolicy(NamedTuple):
    """One way for users to say who they are (P4 §7)."""

    id: Text
    type: I32
    """0 anonymous, 1 user name, 2 certificate, 3 issued token."""
    issued_type: Text
    issuer: Text
    security: Text
    """Security policy URI; empty for the endpoint's."""


class EndpointDescription(NamedTuple):
    """One way to reach a server (P4 §7)."""

    url: Text
    server: ApplicationDescription
    certificate: Blob
    mode: I32
    """1 None, 2 Sign, 3 SignAndEncrypt."""
    policy: Text
    tokens: Array[UserTokenPolicy]
    transport: Text
    level: U8


class SignatureData(NamedTuple):
    """A signature with its algorithm (P4 §7)."""

    algorithm: Text
    signature: Blob


class SignedCertificate(NamedTuple):
    """A software certificate (P4 §7)."""

    certificate: Blob
    signature: Blob


class FindServersRequest(NamedTuple):
    """P4 §5.4.2."""

    url: Text
    locales: Array[Text]
    servers: Array[Text]


class FindServersResponse(NamedTuple):
    """P4 §5.4.2."""

    servers: Array[ApplicationDescription]


class FindServersOnNetworkRequest(NamedTuple):
    """P4 §5.4.3."""

    start: U32
    most: U32
    capabilities: Array[Text]


class ServerOnNetwork(NamedTuple):
    """One server that was announced on the network."""

    record: U32
    name: Text
    url: Text
    capabilities: Array[Text]


class FindServersOnNetworkResponse(NamedTuple):
    """P4 §5.4.3."""

    reset: Ticks
    servers: Array[ServerOnNetwork]


class GetEndpointsRequest(NamedTuple):
    """P4 §5.4.4."""

    url: Text
    locales: Array[Text]
    profiles: Array[Text]


class GetEndpointsResponse(NamedTuple):
    """P4 §5.4.4."""

    endpoints: Array[EndpointDescription]


class OpenRequest(NamedTuple):
    """OpenSecureChannel, P4 §5.5.2."""

    version: U32
    type: I32
    """0 issue, 1 renew."""
    mode: I32
    nonce: Blob
    lifetime_ms: U32


class ChannelToken(NamedTuple):
    """P4 §5.5.2."""

    channel: U32
    token: U32
    created: Ticks
    lifetime_ms: U32


class OpenResponse(NamedTuple):
    """OpenSecureChannel, P4 §5.5.2."""

    version: U32
    token: ChannelToken
    nonce: Blob


class CreateSessionRequest(NamedTuple):
    """P4 §5.6.2."""

    client: ApplicationDescription
    server_uri: Text
    url: Text
    name: Text
    nonce: Blob
    certificate: Blob
    timeout_ms: F64
    max_response: U32


class CreateSessionResponse(NamedTuple):
    """P4 §5.6.2."""

    session: Node
    token: Node
    """AuthenticationToken: secret."""
    timeout_ms: F64
    nonce: Blob
    certificate: Blob
    endpoints: Array[EndpointDescription]
    certificates: Array[SignedCertificate]
    signature: SignatureData
    max_request: U32


class ActivateSessionRequest(NamedTuple):
    """P4 §5.6.3."""

    signature: SignatureData
    certificates: Array[SignedCertificate]
    locales: Array[Text]
    identity: Extension
    """One of the identity tokens below."""
    token_signature: SignatureData


class ActivateSessionResponse(NamedTuple):
    """P4 §5.6.3."""

    nonce: Blob
    results: Array[Status]
    diagnostics: Array[Diagnostic]


class CloseSessionRequest(NamedTuple):
    """P4 §5.6.4."""

    subscriptions: Bool
    """Delete the session's subscriptions too."""


class CancelRequest(NamedTuple):
    """P4 §5.6.5."""

    handle: U32


class CancelResponse(NamedTuple):
    """P4 §5.6.5."""

    cancelled: U32


class AnonymousToken(NamedTuple):
    """P4 §7."""

    policy: Text


class UserNameToken(NamedTuple):
    """P4 §7."""

    policy: Text
    user: Text
    password: Blob
    """Secret, mostly encrypted."""
    algorithm: Text


class CertificateToken(NamedTuple):
    """P4 §7."""

    policy: Text
    certificate: Blob


class IssuedToken(NamedTuple):
    """P4 §7."""

    policy: Text
    data: Blob
    """Secret, mostly encrypted."""
    algorithm: Text
