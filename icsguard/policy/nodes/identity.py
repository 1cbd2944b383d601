"""Who is behind a session, and which groups of a policy it belongs to."""

from __future__ import annotations

from typing import Final, NamedTuple

from icsguard.policy.clients import Clients, Groups
from icsguard.policy.nodes.rules import IdentityGroup
from icsguard.policy.rules import Policy
from icsguard.protocols.opcua.describe import shown as escaped

MAX_KNOWN: Final = (
    1024  # identities remembered: far above the sessions of a conduit; when full, all are worked out anew
)


class Identity(NamedTuple):
    """One session's peer. The channel has proven `uri` and `certificate`, the server will judge `user`."""

    address: str
    """IP address as text."""
    uri: str = ""
    """ApplicationUri of the client's certificate; empty without security."""
    certificate: str = ""
    """SHA-256 of its leaf, hexadecimal; empty without security."""
    user: str = ""
    """User name; empty for an anonymous session."""
    policy: str = ""
    """Security policy URI of the channel; empty counts as None."""
    mode: int = 1
    """MessageSecurityMode of the channel: 1 None, 2 Sign, 3 SignAndEncrypt."""
    token: str = "anonymous"  # noqa: S105 - a kind of token
    """`anonymous`, `user`, `certificate` or `issued`; with a user name, `anonymous` counts as `user`."""

    @property
    def is_anonymous(self) -> bool:
        """Say whether nobody has named himself."""
        return not self.user and self.token == "anonymous"  # noqa: S105 - a kind of token

    @property
    def text(self) -> str:
        """The peer for a sentence, its own texts escaped."""
        named = [escaped(part) for part in (self.user, self.uri) if part]
        return f"{self.address} ({', '.join(named)})" if named else self.address


class Members:
    """Identities to the names of their groups: those of addresses and those of identities."""

    __slots__ = ("_clients", "_identities", "_known")

    def __init__(self, policy: Policy, identities: tuple[IdentityGroup, ...]) -> None:
        self._clients = Clients(policy.groups, policy.grants)
        self._identities = identities
        self._known: dict[Identity, Groups] = {}

    def of(self, identity: Identity) -> Groups:
        """Return the names of every group that the identity belongs to."""
        found = self._known.get(identity)
        if found is None:
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
            addresses = self._clients.groups(identity.address)
            named = {group.name for group in self._identities if _matches(group, identity, addresses)}
            found = self._known[identity] = addresses | named
        return found

    def address(self, address: str) -> Groups:
        """Return the groups of an address alone."""
        return self._clients.groups(address)


def _matches(group: IdentityGroup, identity: Identity, addresses: Groups) -> bool:
    """Say whether every part that the group names is the identity's."""
    return (
        identity.mode >= group.mode
        and (not group.clients or not addresses.isdisjoint(group.clients))
        and (not group.applications or identity.uri in group.applications)
        and (not group.certificates or identity.certificate in group.certificates)
        and (not group.users or _has_user(group, identity))
    )


def _has_user(group: IdentityGroup, identity: Identity) -> bool:
    """Say whether the user is named; a token without a readable user is nobody's, not the anonymous one's."""
    return identity.user in group.users and (bool(identity.user) or identity.is_anonymous)
