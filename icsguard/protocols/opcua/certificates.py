"""Certificates as far as a channel needs them: the leaf of a chain, its thumbprint, its key and its names.

Chains are walked with our own bounded reader of DER lengths; the leaf alone goes to the library. Whom to trust is not
decided here.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Final, NamedTuple

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from icsguard.core.clock import SECOND
from icsguard.core.defect import Defect
from icsguard.protocols.opcua.defects import defect
from icsguard.protocols.opcua.security import MAX_KEY_BITS, MIN_KEY_BITS

MAX_CHAIN: Final = 4  # certificates; a longer chain, or one that loops, is refused
MAX_CERTIFICATE: Final = 8_192  # bytes of one; an RSA-4096 leaf with many names has some 2 500
MAX_NAMES: Final = 64  # of one kind in a SubjectAlternativeName that are kept; the rest does not count
THUMBPRINT: Final = 20
"""Bytes of a SHA-1."""
_UNREADABLE: Final = (
    ValueError,
    TypeError,
    OverflowError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
    x509.DuplicateExtension,
    Warning,  # the library warns of what it will refuse one day; where warnings are errors that day is today
)
"""All that the library raises on bytes that are no certificate; found by changing bytes of a sound one."""
_SEQUENCE: Final = 0x30
_LONG_FORM: Final = 0x80
_MAX_LENGTH_BYTES: Final = 3


class Certificate(NamedTuple):
    """One application instance certificate. Its texts are the peer's own: escape them before display."""

    der: bytes
    key: RSAPublicKey
    uri: str
    """ApplicationUri: the first URI of the SubjectAlternativeName; empty where there is none."""
    hosts: tuple[str, ...]
    """DNS names and IP addresses."""
    subject: str
    not_before: int
    """ns since the epoch."""
    not_after: int
    pin: str
    """SHA-256 of the DER, hexadecimal."""

    @property
    def key_bytes(self) -> int:
        """Length of a signature or of an encrypted block."""
        return key_bytes(self.key)

    def is_valid(self, now: int) -> bool:
        """Say whether `now` lies in its period."""
        return self.not_before <= now <= self.not_after


def key_bytes(key: RSAPublicKey | RSAPrivateKey) -> int:
    """Return the length of a key's signatures and blocks."""
    return (key.key_size + 7) // 8


def thumbprint(der: bytes) -> bytes:
    """Return the SHA-1 that names a receiver's certificate (P6 §6.7.2.3)."""
    return hashlib.sha1(der, usedforsecurity=False).digest()


def chain_of(raw: bytes) -> tuple[bytes, ...] | Defect:
    """Return the certificates that stand one after the other in `raw`, leaf first, each once."""
    found: list[bytes] = []
    at = 0
    while at < len(raw):
        size = _der_size(raw, at)
        if not 0 < size <= min(MAX_CERTIFICATE, len(raw) - at):
            return defect("channel-certificate", f"no whole certificate at byte {at} of {len(raw)}")
        one = raw[at : at + size]
        if len(found) >= MAX_CHAIN or one in found:
            return defect(
                "channel-certificate", f"a chain that repeats itself or has more than {MAX_CHAIN} certificates"
            )
        found.append(one)
        at += size
    return tuple(found) or defect("channel-certificate", "no certificate")


def _der_size(raw: bytes, at: int) -> int:
    """Return the size with its header of the DER sequence at `at`, 0 where none begins there."""
    if len(raw) - at < 2 or raw[at] != _SEQUENCE:  # noqa: PLR2004 - tag and length
        return 0
    first = raw[at + 1]
    if first < _LONG_FORM:
        return 2 + first
    extra = first & ~_LONG_FORM
    if not 0 < extra <= _MAX_LENGTH_BYTES or len(raw) - at < 2 + extra:
        return 0
    return 2 + extra + int.from_bytes(raw[at + 2 : at + 2 + extra])


def certificate_of(raw: bytes | None) -> Certificate | Defect:
    """Return the leaf of a chain as sent in OPN, CreateSession or an endpoint, or what is wrong with it."""
    chain = chain_of(raw or b"")
    if isinstance(chain, Defect):
        return chain
    try:
        return _parsed(chain[0])
    except _UNREADABLE:
        return defect("channel-certificate", f"the leaf of {len(chain[0])} bytes cannot be read")


def _parsed(der: bytes) -> Certificate | Defect:
    leaf = x509.load_der_x509_certificate(der)
    key = leaf.public_key()
    if not isinstance(key, RSAPublicKey) or not MIN_KEY_BITS <= key.key_size <= MAX_KEY_BITS:
        return defect("channel-certificate", f"its key is not RSA of {MIN_KEY_BITS} to {MAX_KEY_BITS} bits")
    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        uris = names.get_values_for_type(x509.UniformResourceIdentifier)
        hosts = [*names.get_values_for_type(x509.DNSName), *map(str, names.get_values_for_type(x509.IPAddress))]
    except x509.ExtensionNotFound:
        uris, hosts = [], []
    return Certificate(
        der,
        key,
        uris[0] if uris else "",
        tuple(hosts[:MAX_NAMES]),
        leaf.subject.rfc4514_string(),
        _ns(leaf.not_valid_before_utc),
        _ns(leaf.not_valid_after_utc),
        hashlib.sha256(der).hexdigest(),
    )


def _ns(moment: datetime) -> int:
    return int((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()) * SECOND
