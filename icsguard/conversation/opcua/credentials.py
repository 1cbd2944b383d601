"""Signatures and secrets of sessions, made anew between two channels: job values for a thread pool (P4 §5.6, §7.35).

A client signs the gateway's certificate and nonce, the device wants its own; a password is encrypted to the gateway and
must reach the device encrypted to the device, once and only after its nonce was checked.
"""

from __future__ import annotations

import hmac
from typing import Final, NamedTuple

from cryptography.hazmat.primitives.asymmetric import padding as rsa_padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, HashAlgorithm

from icsguard.core.defect import Defect
from icsguard.protocols.opcua.asymmetric import Identity, signed, verified
from icsguard.protocols.opcua.certificates import Certificate, key_bytes
from icsguard.protocols.opcua.messages_session import SignatureData
from icsguard.protocols.opcua.security import NONE, Padding, PolicyLaw
from icsguard.protocols.opcua.status import STATUS

MAX_SECRET: Final = 4_096  # bytes of an encrypted password: eight blocks of the largest key; real ones take one
NO_SIGNATURE: Final = SignatureData(None, None)
NONCE: Final = 32
"""Bytes of a session nonce (P4 §5.6.2)."""
_LENGTH: Final = 4
_SIGNATURES: Final = {
    Padding.PKCS1_SHA256: "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
    Padding.PSS_SHA256: "http://opcfoundation.org/UA/security/rsa-pss-sha2-256",
}
_ENCRYPTIONS: Final = {
    Padding.OAEP_SHA1: "http://www.w3.org/2001/04/xmlenc#rsa-oaep",
    Padding.OAEP_SHA256: "http://opcfoundation.org/UA/security/rsa-oaep-sha2-256",
}
_CHECKS: Final = STATUS["BadSecurityChecksFailed"]
_INVALID: Final = STATUS["BadIdentityTokenInvalid"]


class Proof(NamedTuple):
    """A signature that must hold: whose, by which policy, of what."""

    who: Certificate
    law: PolicyLaw
    signature: bytes
    data: bytes

    def fault(self) -> Defect | None:
        """Return why it does not hold."""
        if verified(self.who.key, self.law, self.signature, self.data):
            return None
        return Defect("session-signature", "the signature of the session is wrong (P4 §5.6)", reply=_CHECKS)


class Signing(NamedTuple):
    """A signature that we owe."""

    identity: Identity
    law: PolicyLaw
    data: bytes

    def made(self) -> SignatureData:
        """Return it."""
        return SignatureData(_SIGNATURES[self.law.sign], signed(self.identity.key, self.law, self.data))


class Secret(NamedTuple):
    """A password or token on its way from the client's encryption to the device's."""

    blob: bytes
    algorithm: str
    key: RSAPrivateKey | None
    """Ours; None where the client sends it in the clear."""
    law: PolicyLaw
    """By which the client encrypted; None for the clear."""
    nonce: bytes
    """Ours, which must stand behind the secret."""
    device: Certificate | None
    device_law: PolicyLaw
    device_nonce: bytes

    def carried(self) -> tuple[bytes, str | None] | Defect:
        """Return the secret as the device gets it, and by which algorithm."""
        plain = self._opened()
        if isinstance(plain, Defect):
            return plain
        if not self.device_law.secures:
            return plain, None
        if self.device is None:
            return _no_token("nothing to encrypt it with towards the device")
        framed = (len(plain) + len(self.device_nonce)).to_bytes(_LENGTH, "little") + plain + self.device_nonce
        return _encrypted(self.device, self.device_law, framed), _ENCRYPTIONS[self.device_law.encrypt]

    def _opened(self) -> bytes | Defect:
        if not self.law.secures:
            return _no_token("an algorithm where none is due") if self.algorithm else self.blob
        if self.key is None or self.algorithm != _ENCRYPTIONS[self.law.encrypt]:
            return _no_token("encrypted by another algorithm than its policy's")
        framed = _decrypted(self.key, self.law, self.blob)
        if framed is None or len(framed) < _LENGTH:
            return _no_token("cannot be decrypted")
        size = int.from_bytes(framed[:_LENGTH], "little")
        inner = framed[_LENGTH : _LENGTH + size]
        end = size - len(self.nonce)
        if len(inner) != size or end < 0 or not hmac.compare_digest(inner[end:], self.nonce):
            return _no_token("its nonce is not the one of this session")
        return inner[:end]


def _no_token(why: str) -> Defect:
    return Defect("session-token", f"the user's secret: {why} (P4 §7.36)", reply=_INVALID)


class Resigned(NamedTuple):
    """What comes out of a `Resign`."""

    signature: SignatureData
    secret: bytes | None = None
    algorithm: str | None = None


class Resign(NamedTuple):
    """Job: check what one side signed, sign for the other, and carry a user's secret over."""

    proof: Proof | None
    signing: Signing | None
    secret: Secret | None = None

    def run(self) -> Resigned | Defect:
        """Return the new signature and secret, or what was wrong."""
        fault = self.proof.fault() if self.proof is not None else None
        if fault is not None:
            return fault
        blob, algorithm = None, None
        if self.secret is not None:
            carried = self.secret.carried()
            if isinstance(carried, Defect):
                return carried
            blob, algorithm = carried
        made = self.signing.made() if self.signing is not None else NO_SIGNATURE
        return Resigned(made, blob, algorithm)

    @property
    def is_light(self) -> bool:
        """Say whether it needs no RSA at all."""
        secret = self.secret
        return self.proof is None and self.signing is None and (secret is None or not _is_heavy(secret))


def _is_heavy(secret: Secret) -> bool:
    return secret.law.secures or secret.device_law.secures


def _hash(law: PolicyLaw) -> HashAlgorithm:
    return SHA1() if law.encrypt is Padding.OAEP_SHA1 else SHA256()  # noqa: S303 - prescribed by P7 §6.6


def _oaep(law: PolicyLaw) -> rsa_padding.OAEP:
    return rsa_padding.OAEP(rsa_padding.MGF1(_hash(law)), _hash(law), None)


def _decrypted(key: RSAPrivateKey, law: PolicyLaw, blob: bytes) -> bytes | None:
    block = key_bytes(key)
    if not blob or len(blob) % block or len(blob) > MAX_SECRET:
        return None
    scheme = _oaep(law)
    try:
        return b"".join(key.decrypt(blob[at : at + block], scheme) for at in range(0, len(blob), block))
    except ValueError:
        return None


def _encrypted(device: Certificate, law: PolicyLaw, framed: bytes) -> bytes:
    block = device.key_bytes - 2 - 2 * _hash(law).digest_size
    scheme = _oaep(law)
    return b"".join(device.key.encrypt(framed[at : at + block], scheme) for at in range(0, len(framed), block))


def token_law(uri: str | None, channel: PolicyLaw, policies: dict[str, PolicyLaw]) -> PolicyLaw | None:
    """Return by which policy a user's secret is encrypted: the token policy's own, else the endpoint's (P4 §7.36)."""
    return channel if not uri else policies.get(uri)


__all__ = ["NONCE", "NONE", "NO_SIGNATURE", "Proof", "Resign", "Resigned", "Secret", "Signing", "token_law"]
