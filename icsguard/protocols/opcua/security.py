"""The security policies that a channel can have, and those that are refused by name (P7 §6.6).

A policy is a row: algorithms by name and lengths in bytes. `symmetric` and `asymmetric` do what a row says.
"""

from __future__ import annotations

from enum import IntEnum
from types import MappingProxyType
from typing import Final, NamedTuple

_BASE: Final = "http://opcfoundation.org/UA/SecurityPolicy#"


class SecurityMode(IntEnum):
    """How messages are secured (P4 §7)."""

    NONE = 1
    SIGN = 2
    SIGN_AND_ENCRYPT = 3


class Padding(IntEnum):
    """How RSA encrypts or signs."""

    NONE = 0
    OAEP_SHA1 = 1
    OAEP_SHA256 = 2
    PKCS1_SHA256 = 3
    PSS_SHA256 = 4


class PolicyLaw(NamedTuple):
    """One security policy."""

    name: str
    clause: str
    sign: Padding = Padding.NONE
    encrypt: Padding = Padding.NONE
    nonce: int = 0
    """Bytes of a channel nonce."""
    signing_key: int = 0
    encrypting_key: int = 0
    legacy_sequence: bool = True

    @property
    def uri(self) -> str:
        """The name on the wire."""
        return _BASE + self.name

    @property
    def secures(self) -> bool:
        """False for None."""
        return self.sign is not Padding.NONE


BLOCK: Final = 16
"""Bytes of an AES block and of its initialization vector."""
SIGNATURE: Final = 32
"""Bytes of an HMAC-SHA256."""
MIN_KEY_BITS, MAX_KEY_BITS = 2048, 4096
"""RSA keys of all three policies (P7 §6.6)."""

NONE: Final = PolicyLaw("None", "P7 §6.6")
POLICIES: Final = MappingProxyType(
    {
        law.uri: law
        for law in (
            NONE,
            PolicyLaw("Basic256Sha256", "P7 §6.6", Padding.PKCS1_SHA256, Padding.OAEP_SHA1, 32, 32, 32),
            PolicyLaw("Aes128_Sha256_RsaOaep", "P7 §6.6", Padding.PKCS1_SHA256, Padding.OAEP_SHA1, 32, 32, 16),
            PolicyLaw("Aes256_Sha256_RsaPss", "P7 §6.6", Padding.PSS_SHA256, Padding.OAEP_SHA256, 32, 32, 32),
        )
    }
)
"""URI to law."""
DEPRECATED: Final = frozenset(_BASE + name for name in ("Basic128Rsa15", "Basic256", "Basic128"))
"""SHA-1 signatures, PKCS#1 v1.5 encryption or short keys: refused whatever a rule says."""


def modes_of(law: PolicyLaw) -> frozenset[SecurityMode]:
    """Return the modes that a policy may have."""
    return frozenset({SecurityMode.SIGN, SecurityMode.SIGN_AND_ENCRYPT} if law.secures else {SecurityMode.NONE})
