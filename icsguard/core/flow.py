"""Who is talking: a client as policy sees it."""

from __future__ import annotations

from typing import NamedTuple


class Client(NamedTuple):
    """One peer on the client side of a conduit."""

    address: str
    """IP address as text, IPv4-mapped IPv6 already unwrapped."""
    port: int = 0
    name: str = ""
    """Name of its client group in the policy, empty where none matches."""
