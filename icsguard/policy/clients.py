"""Which groups of a policy a client belongs to."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final

from icsguard.policy.rules import ClientGroup, Grant

MAX_KNOWN: Final = 1024  # addresses remembered: far above the clients of a conduit; when full, all are worked out anew

Groups = frozenset[str]


class Clients:
    """Addresses to the names of their groups."""

    __slots__ = ("_known", "_networks")

    def __init__(self, groups: tuple[ClientGroup, ...], grants: tuple[Grant, ...] = ()) -> None:
        self._known: dict[str, Groups] = {}
        self._networks: list[tuple[str, IPv4Network | IPv6Network]] = [
            (group.name, ip_network(text)) for group in groups for text in group.networks
        ]
        names = {group.name for group in groups}
        # A grant may name a bare address: it becomes a group of its own, whose name no policy file can spell.
        self._networks += [
            (own_group(g.client), ip_network(g.client, strict=False)) for g in grants if g.client not in names
        ]

    def groups(self, address: str) -> Groups:
        """Return the names of every group that holds the address; none for text that is no address."""
        found = self._known.get(address)
        if found is None:
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
            found = self._known[address] = self._look_up(address)
        return found

    def _look_up(self, text: str) -> Groups:
        try:
            address = ip_address(text)
        except ValueError:
            return frozenset()
        return frozenset(name for name, network in self._networks if address in network)


def own_group(network: str) -> str:
    """Return the name of the group that stands for a bare address or network."""
    return f"={network}"


def shown(groups: Groups) -> str:
    """Return the group names for records, comma-separated; empty for a client that no group holds."""
    return ",".join(sorted(name for name in groups if not name.startswith("=")))
