"""What an OPC UA conversation is told by its configuration: ways, securities, keys and trust."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from icsguard.conversation.options import ConduitOptions
from icsguard.core.defect import Defect
from icsguard.protocols.opcua.asymmetric import Identity as Credentials
from icsguard.protocols.opcua.certificates import Certificate


class UaOptions(Protocol):
    """The part of a conduit's settings that only OPC UA has."""

    @property
    def way(self) -> str:
        """`terminate` or `passthrough`."""
        ...

    @property
    def on_mixed(self) -> str:
        """`split`: a forbidden item is refused alone; `refuse_all`: it takes its whole request with it."""
        ...

    @property
    def on_deny(self) -> str:
        """`cut`: what cannot be refused alone ends the connection; empty: it cannot be enforced."""
        ...

    @property
    def client_security(self) -> tuple[tuple[str, int], ...]:
        """Policy URI and mode of each endpoint that clients are offered. None is open for discovery in any case."""
        ...

    @property
    def server_security(self) -> tuple[str, int]:
        """Policy URI and mode towards the device."""
        ...

    @property
    def url(self) -> str:
        """The endpoint URL that clients are told; empty for the one that they dialled."""
        ...

    @property
    def device_url(self) -> str:
        """The endpoint URL that the device is told."""
        ...

    @property
    def handshake_timeout_s(self) -> int:
        """A connection without an open channel ends after so long."""
        ...

    @property
    def incomplete_timeout_s(self) -> int:
        """A message whose last chunk does not come ends its connection after so long."""
        ...

    @property
    def token_lifetime_s(self) -> int:
        """Asked of the device for each security token."""
        ...


class UaConduit(ConduitOptions, Protocol):
    """A conduit that speaks OPC UA."""

    @property
    def device_host(self) -> str:
        """The device's name or address."""
        ...

    @property
    def device_port(self) -> int:
        """Its TCP port."""
        ...

    @property
    def opcua(self) -> UaOptions | None:
        """Its own part."""
        ...


class Trust(Protocol):
    """Whom to believe. The texts of its defects are for records, never for a peer."""

    @property
    def is_empty(self) -> bool:
        """Say whether nobody was ever said to be trusted."""
        ...

    def client(self, chain: bytes, uri: str, wall: int) -> Defect | None:
        """Judge a client's certificate, its chain as sent; `uri` is who the client says it is, empty in an OPN."""
        ...

    def server(self, chain: bytes, wall: int) -> Defect | None:
        """Judge the device's certificate."""
        ...


@dataclass(frozen=True, slots=True)
class Legs:
    """Who the gateway is on its two legs, and whom it expects."""

    ours: Credentials | None = None
    """Towards clients; None where only policy None is spoken."""
    upstream: Credentials | None = None
    """Towards the device."""
    application_uri: str = ""
    """The URI in the certificate towards clients; empty leaves the device's own."""
    upstream_uri: str = ""
    """The URI in the certificate towards the device."""
    device_certificate: bytes = b""
    """DER that the device must show; empty: taken from its endpoints and judged by `Trust.server`."""

    upstream_of: tuple[tuple[str, Credentials, str], ...] = ()
    """Client (ApplicationUri or SHA-256 of its certificate), who we are to the device in its stead, with which URI."""

    def towards(self, client: Certificate | None) -> tuple[Credentials | None, str]:
        """Return who we are to the device for a client, and with which URI."""
        if client is not None:
            for key, credentials, uri in self.upstream_of:
                if key in {client.uri, client.pin}:
                    return credentials, uri
        return self.upstream, self.upstream_uri
