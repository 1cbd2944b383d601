"""What secures OPN chunks: RSA signatures and encryption, as job values for a thread pool (P6 §6.7.2.5, §6.7.4).

An RSA operation takes longer than everything else that a chunk needs, so the channel never does it: it hands out a
`SealOpen` or an `UnsealOpen`, somebody calls its `run`, and the result comes back as a value. The random bytes of OAEP
and PSS are drawn by the library within `run`.
"""

from __future__ import annotations

from struct import Struct
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding as rsa_padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, HashAlgorithm

from icsguard.core.defect import Defect
from icsguard.protocols.opcua.certificates import Certificate, certificate_of, key_bytes, thumbprint
from icsguard.protocols.opcua.codec import Blob, Malformed, Reader, Text, encoded, shape_of
from icsguard.protocols.opcua.defects import defect
from icsguard.protocols.opcua.security import DEPRECATED, MAX_KEY_BITS, POLICIES, Padding, PolicyLaw
from icsguard.protocols.opcua.uacp import CHANNEL_HEADER, FINAL, OPEN, Frame, chunk_of

_TWO: Final = Struct("<II")
_SEQUENCE_HEADER: Final = 8
_ONE_BYTE_PADDING: Final = 256
"""Bytes of a key up to which one byte counts the padding; beyond it two do (P6 §6.7.2.5)."""
MAX_BLOCKS: Final = 16  # RSA blocks in one OPN: its body has some 150 bytes and one signature of at most 512
_MAX_SECURED: Final = MAX_BLOCKS * MAX_KEY_BITS // 8

Sign = rsa_padding.PKCS1v15 | rsa_padding.PSS


class OpenHead(NamedTuple):
    """The clear part of an OPN (P6 §6.7.2.3), after the SecureChannelId."""

    policy: Text
    certificate: Blob
    """Sender's, perhaps with its chain."""
    thumbprint: Blob
    """Of the receiver's certificate."""


class OpenPart(NamedTuple):
    """An OPN without its security."""

    channel: int
    policy: PolicyLaw
    sequence: int
    request: int
    body: bytes
    sender: Certificate | None
    """None under policy None."""


class Identity(NamedTuple):
    """Who we are on one leg."""

    certificate: bytes
    """DER of the leaf, perhaps with its chain."""
    key: RSAPrivateKey

    @property
    def leaf(self) -> bytes:
        """DER of the leaf."""
        found = certificate_of(self.certificate)
        if isinstance(found, Defect):
            raise ValueError(found.text)  # noqa: TRY004 - our own certificate is configuration
        return found.der


def open_head(frame: Frame) -> tuple[OpenHead, int] | Defect:
    """Return the clear part of an OPN chunk and where the rest begins: all that a gateway without keys can see."""
    reader = Reader(frame.raw, CHANNEL_HEADER)
    try:
        return shape_of(OpenHead).read(reader), reader.at
    except Malformed as breach:
        return defect("channel-short", breach.defect.text)


def policy_of(uri: str | None) -> PolicyLaw | Defect:
    """Return the policy that a URI names, or why it is refused."""
    law = POLICIES.get(uri or "")
    if law is not None:
        return law
    why = "deprecated" if uri in DEPRECATED else "unknown"
    return defect("channel-policy", f"{why} policy {(uri or '')[:80]!r}")


class UnsealOpen(NamedTuple):
    """Job: take the security off a received OPN."""

    frame: Frame
    identity: Identity | None
    """Ours; None where only policy None is spoken."""

    def run(self) -> OpenPart | Defect:
        """Return the opened part, or why it cannot be trusted. Some milliseconds for RSA-4096."""
        found = open_head(self.frame)
        if isinstance(found, Defect):
            return found
        head, at = found
        policy = policy_of(head.policy)
        if isinstance(policy, Defect):
            return policy
        if not policy.secures:
            return _opened(self.frame, policy, self.frame.raw[at:], None)
        return self._secured(head, at, policy)

    def _secured(self, head: OpenHead, at: int, policy: PolicyLaw) -> OpenPart | Defect:
        sender = certificate_of(head.certificate)
        if isinstance(sender, Defect):
            return sender
        if self.identity is None or head.thumbprint != thumbprint(self.identity.leaf):
            return defect("channel-thumbprint", "the chunk is meant for another certificate")
        raw = self.frame.raw
        inner = _decrypted(self.identity.key, policy, raw[at:])
        if isinstance(inner, Defect):
            return inner
        end = len(inner) - sender.key_bytes
        if end < _SEQUENCE_HEADER:
            return defect("channel-short", f"{len(inner)} decrypted bytes")
        if not verified(sender.key, policy, inner[end:], raw[:at] + inner[:end]):
            return defect("channel-signature", "the signature of the OPN is wrong")
        body = _unpadded(inner[:end], key_bytes(self.identity.key))
        return body if isinstance(body, Defect) else _opened(self.frame, policy, body, sender)


def _opened(frame: Frame, policy: PolicyLaw, inner: bytes, sender: Certificate | None) -> OpenPart | Defect:
    if len(inner) < _SEQUENCE_HEADER:
        return defect("channel-short", f"{len(inner)} bytes for the sequence header")
    sequence, request = _TWO.unpack_from(inner)
    return OpenPart(frame.channel, policy, sequence, request, inner[_SEQUENCE_HEADER:], sender)


def _decrypted(key: RSAPrivateKey, policy: PolicyLaw, data: bytes) -> bytes | Defect:
    size = key_bytes(key)
    if not data or len(data) % size or len(data) > _MAX_SECURED:
        return defect("channel-ciphertext", f"{len(data)} encrypted bytes, blocks have {size}")
    scheme = _oaep(policy)
    try:
        return b"".join(key.decrypt(data[at : at + size], scheme) for at in range(0, len(data), size))
    except ValueError:
        return defect("channel-ciphertext", "a block cannot be decrypted")


def _unpadded(inner: bytes, cipher_block: int) -> bytes | Defect:
    """Return `inner` (without signature) without its padding, which the *receiver's* key size governs."""
    wide = cipher_block > _ONE_BYTE_PADDING
    counts = 1 + wide
    low = inner[-counts]
    padding = low | inner[-1] << 8 if wide else low
    start = len(inner) - counts - padding
    filler = bytes((low,)) * (1 + padding)
    if start < _SEQUENCE_HEADER or inner[start : start + 1 + padding] != filler:
        return defect("channel-padding", f"padding of {padding} bytes in {len(inner)}")
    return inner[:start]


class SealOpen(NamedTuple):
    """Job: secure an OPN of our own."""

    channel: int
    policy: PolicyLaw
    sequence: int
    request: int
    body: bytes
    identity: Identity | None = None
    receiver: Certificate | None = None
    """Both None under policy None."""

    def run(self) -> bytes | Defect:
        """Return the chunk, or why the receiver's key is of no use; raise ValueError where a key of ours is missing."""
        inner = _TWO.pack(self.sequence, self.request) + self.body
        if not self.policy.secures:
            return self._chunk(None, None, inner, len(inner))[0]
        if self.identity is None or self.receiver is None:
            raise ValueError(f"{self.policy.name} needs both certificates")
        return self._secured(self.identity, self.receiver, inner)

    def _secured(self, identity: Identity, receiver: Certificate, inner: bytes) -> bytes | Defect:
        cipher_block, signature = receiver.key_bytes, key_bytes(identity.key)
        plain_block = cipher_block - _oaep_overhead(self.policy)
        inner = _padded(inner, cipher_block, plain_block, signature)
        blocks = (len(inner) + signature) // plain_block
        chunk, at = self._chunk(identity.certificate, thumbprint(receiver.der), inner, blocks * cipher_block)
        plain = inner + signed(identity.key, self.policy, chunk)
        scheme = _oaep(self.policy)
        places = range(0, len(plain), plain_block)
        try:
            return chunk[:at] + b"".join(receiver.key.encrypt(plain[p : p + plain_block], scheme) for p in places)
        except ValueError:  # a key that only looks like one: the peer chose it
            return defect("channel-certificate", "nothing can be encrypted with the receiver's key")

    def _chunk(self, certificate: bytes | None, receiver: bytes | None, inner: bytes, size: int) -> tuple[bytes, int]:
        """Return the chunk with clear `inner`, its size field as if that took `size` bytes, and where it begins."""
        head = self.channel.to_bytes(4, "little") + encoded(
            shape_of(OpenHead), OpenHead(self.policy.uri, certificate, receiver)
        )
        at = len(chunk_of(OPEN, FINAL, head))
        return OPEN + FINAL + (at + size).to_bytes(4, "little") + head + inner, at


def _padded(inner: bytes, cipher_block: int, plain_block: int, signature: int) -> bytes:
    wide = cipher_block > _ONE_BYTE_PADDING
    padding = -(len(inner) + 1 + wide + signature) % plain_block
    low, high = padding & 0xFF, padding >> 8
    return inner + bytes((low,)) * (1 + padding) + (bytes((high,)) if wide else b"")


def _oaep_overhead(policy: PolicyLaw) -> int:
    return 2 + 2 * _oaep_hash(policy).digest_size


def _oaep_hash(policy: PolicyLaw) -> HashAlgorithm:
    # OAEP does not need collision resistance; SHA-1 is what P7 §6.6 prescribes for two of the policies.
    return SHA1() if policy.encrypt is Padding.OAEP_SHA1 else SHA256()  # noqa: S303


def _oaep(policy: PolicyLaw) -> rsa_padding.OAEP:
    return rsa_padding.OAEP(rsa_padding.MGF1(_oaep_hash(policy)), _oaep_hash(policy), None)


def _signing(policy: PolicyLaw) -> Sign:
    if policy.sign is Padding.PSS_SHA256:
        return rsa_padding.PSS(rsa_padding.MGF1(SHA256()), SHA256.digest_size)
    return rsa_padding.PKCS1v15()


def signed(key: RSAPrivateKey, policy: PolicyLaw, data: bytes) -> bytes:
    """Return the signature of `data`."""
    return key.sign(data, _signing(policy), SHA256())


def verified(key: RSAPublicKey, policy: PolicyLaw, signature: bytes, data: bytes) -> bool:
    """Say whether `signature` is of `data`."""
    try:
        key.verify(signature, data, _signing(policy), SHA256())
    except InvalidSignature:
        return False
    return True
