"""The security tokens of one channel: which keys secure what leaves, and which still open what comes (P4 §5.5.2).

A renewal makes a second token. The server goes on with the old one until the client uses the new one; from then on the
old one is refused. No token is taken after 125 % of its lifetime.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from icsguard.core.clock import MS
from icsguard.core.defect import Defect
from icsguard.protocols.opcua.defects import defect
from icsguard.protocols.opcua.security import SecurityMode
from icsguard.protocols.opcua.symmetric import Decrypting, Encrypting, Keys, Plain, unseal

MAX_TOKENS: Final = 2  # the one in use and its successor; a third makes the oldest go
MIN_LIFETIME_MS: Final = 60_000
MAX_LIFETIME_MS: Final = 3_600_000


class Token(NamedTuple):
    """One security token with the keys of both directions (None under policy None)."""

    id: int
    expires: int
    """The `now` after which its lifetime is over."""
    refused: int
    """The `now` after which nothing is taken with it: 125 % of the lifetime."""
    outgoing: Keys | None
    incoming: Keys | None
    encrypting: Encrypting | None = None
    """Cipher of `outgoing`, and below of `incoming`: each serves one direction in the order of its chunks."""
    decrypting: Decrypting | None = None


def token(number: int, now: int, lifetime_ms: int, keys: tuple[Keys, Keys] | None) -> Token:
    """Return a token that begins at `now`; `keys` are those of what leaves and of what comes."""
    lifetime = lifetime_ms * MS
    outgoing, incoming = keys or (None, None)
    ciphers = (Encrypting(outgoing), Decrypting(incoming)) if outgoing and incoming else (None, None)
    return Token(number, now + lifetime, now + lifetime + lifetime // 4, outgoing, incoming, *ciphers)


class Tokens:
    """At most MAX_TOKENS tokens, oldest first."""

    __slots__ = ("_sending", "_waits", "held")

    def __init__(self, *, waits: bool) -> None:
        self._waits = waits
        """The server's end: a new token is used for sending only once the client has used it."""
        self._sending: Token | None = None
        self.held: list[Token] = []

    def add(self, new: Token) -> None:
        """Take a new token in."""
        self.held = [*self.held[-(MAX_TOKENS - 1) :], new]
        if not self._waits or self._sending is None:
            self._sending = new

    def sending(self, now: int) -> Token | None:
        """Return the token for what leaves at `now`; None before the channel is open."""
        if self._sending is not None and now > self._sending.expires:
            self._sending = self.held[-1]
        return self._sending

    def unsealed(self, raw: bytes, number: int, mode: SecurityMode, now: int) -> Plain | Defect:
        """Return what a chunk holds that names token `number`; its first use of the newest token ends the others.

        Some servers give every token the same number: then the keys tell which one it is.
        """
        fault = defect("channel-token", f"token {number} is not in use")
        for candidate in reversed(self.held):
            if candidate.id != number:
                continue
            if now > candidate.refused:
                fault = defect("channel-token", f"token {number} has expired")
                continue
            found = unseal(raw, mode, candidate.incoming, candidate.decrypting)
            if isinstance(found, Plain):
                self._used(candidate)
                return found
            fault = found
        return fault

    def _used(self, candidate: Token) -> None:
        if candidate is self.held[-1]:
            self.held = [candidate]
            self._sending = candidate
