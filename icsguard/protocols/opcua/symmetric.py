"""What secures MSG and CLO chunks: keys from two nonces, HMAC-SHA256, AES in CBC mode (P6 §6.7.2.5, §6.7.5, §6.7.6).

The signature is checked before the padding is looked at, in constant time, so that a wrong padding tells nothing.
"""

from __future__ import annotations

import hmac
from struct import Struct
from typing import Final, NamedTuple

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from icsguard.core.defect import Defect
from icsguard.protocols.opcua.defects import defect
from icsguard.protocols.opcua.security import BLOCK, SIGNATURE, PolicyLaw, SecurityMode
from icsguard.protocols.opcua.uacp import HEADER

SECURED_FROM: Final = 16
"""Offset of what is encrypted: after type, size, SecureChannelId and TokenId."""
SEQUENCE_HEADER: Final = 8
_TWO: Final = Struct("<II")
_HASH: Final = "sha256"


class Keys(NamedTuple):
    """The keys of one direction of one token."""

    signing: bytes
    encrypting: bytes
    vector: bytes


class Encrypting:
    """AES of the chunks that leave under one key, each from the same initialization vector on (P6 §6.7.5).

    One cipher object serves all chunks: making one costs more than a chunk. In CBC mode a block is combined with the
    ciphertext before it; combining the first block of a chunk with that and with the vector makes a fresh start of it.
    """

    __slots__ = ("_cipher", "_last", "_vector")

    def __init__(self, keys: Keys) -> None:
        self._cipher = Cipher(AES(keys.encrypting), CBC(keys.vector)).encryptor()
        self._vector = self._last = int.from_bytes(keys.vector, "big")

    def encrypted(self, inner: bytes) -> bytes:
        """Return whole blocks encrypted."""
        first = int.from_bytes(inner[:BLOCK], "big") ^ self._vector ^ self._last
        out = self._cipher.update(first.to_bytes(BLOCK, "big") + inner[BLOCK:])
        self._last = int.from_bytes(out[-BLOCK:], "big")
        return out


class Decrypting:
    """AES of the chunks that come under one key: `Encrypting` the other way round."""

    __slots__ = ("_cipher", "_last", "_vector")

    def __init__(self, keys: Keys) -> None:
        self._cipher = Cipher(AES(keys.encrypting), CBC(keys.vector)).decryptor()
        self._vector = self._last = int.from_bytes(keys.vector, "big")

    def decrypted(self, inner: bytes) -> bytes:
        """Return whole blocks, at least one, decrypted."""
        out = self._cipher.update(inner)
        first = int.from_bytes(out[:BLOCK], "big") ^ self._vector ^ self._last
        self._last = int.from_bytes(inner[-BLOCK:], "big")
        return first.to_bytes(BLOCK, "big") + out[BLOCK:]


class Plain(NamedTuple):
    """A chunk without its security."""

    sequence: int
    request: int
    """RequestId."""
    body: bytes


def pseudo_random(secret: bytes, seed: bytes, size: int) -> bytes:
    """Return `size` bytes of P_SHA256 (RFC 5246 §5, by way of P6 §6.7.5)."""
    out, link = b"", seed
    while len(out) < size:
        link = hmac.digest(secret, link, _HASH)
        out += hmac.digest(secret, link + seed, _HASH)
    return out[:size]


def derived(policy: PolicyLaw, secret: bytes, seed: bytes) -> Keys:
    """Return the keys of the side whose nonce is the seed; the secret is the other side's nonce."""
    first, second = policy.signing_key, policy.signing_key + policy.encrypting_key
    raw = pseudo_random(secret, seed, second + BLOCK)
    return Keys(raw[:first], raw[first:second], raw[second:])


def overhead(mode: SecurityMode) -> int:
    """Return how many bytes of a chunk security takes at most, beyond headers."""
    return {SecurityMode.NONE: 0, SecurityMode.SIGN: SIGNATURE, SecurityMode.SIGN_AND_ENCRYPT: SIGNATURE + BLOCK}[mode]


def seal(head: bytes, plain: Plain, mode: SecurityMode, keys: Keys | None, cipher: Encrypting | None = None) -> bytes:
    """Return the chunk of `plain`: `head` is all up to the TokenId, its size field is set here.

    `cipher` is that of `keys`, where one is kept.
    """
    inner = _TWO.pack(plain.sequence, plain.request) + plain.body
    if keys is None or mode is SecurityMode.NONE:
        return _sized(head, len(inner)) + inner
    if mode is SecurityMode.SIGN_AND_ENCRYPT:
        padding = -(len(inner) + 1 + SIGNATURE) % BLOCK
        inner += bytes((padding,)) * (1 + padding)
    head = _sized(head, len(inner) + SIGNATURE)
    inner += hmac.digest(keys.signing, head + inner, _HASH)
    if mode is SecurityMode.SIGN:
        return head + inner
    return head + (cipher or Encrypting(keys)).encrypted(inner)


def _sized(head: bytes, rest: int) -> bytes:
    return head[:4] + (len(head) + rest).to_bytes(4, "little") + head[HEADER:]


def unseal(raw: bytes, mode: SecurityMode, keys: Keys | None, cipher: Decrypting | None = None) -> Plain | Defect:
    """Return what a whole MSG or CLO chunk holds, or why it cannot be trusted."""
    head, inner = raw[:SECURED_FROM], raw[SECURED_FROM:]
    if keys is not None and mode is not SecurityMode.NONE:
        if mode is SecurityMode.SIGN_AND_ENCRYPT:
            if len(inner) % BLOCK or not inner:
                return defect("channel-ciphertext", f"{len(inner)} encrypted bytes are no whole blocks")
            inner = (cipher or Decrypting(keys)).decrypted(inner)
        found = _verified(head, inner, mode, keys)
        if isinstance(found, Defect):
            return found
        inner = found
    if len(inner) < SEQUENCE_HEADER:
        return defect("channel-short", f"{len(inner)} bytes for the sequence header")
    sequence, request = _TWO.unpack_from(inner)
    return Plain(sequence, request, inner[SEQUENCE_HEADER:])


def _verified(head: bytes, inner: bytes, mode: SecurityMode, keys: Keys) -> bytes | Defect:
    """Return the part between token and padding or signature."""
    end = len(inner) - SIGNATURE
    if end < SEQUENCE_HEADER:
        return defect("channel-short", f"{len(inner)} secured bytes")
    due = hmac.digest(keys.signing, head + inner[:end], _HASH)
    if not hmac.compare_digest(due, inner[end:]):
        return defect("channel-signature", "the chunk's signature is wrong")
    if mode is SecurityMode.SIGN:
        return inner[:end]
    padding = inner[end - 1]
    start = end - 1 - padding
    if start < SEQUENCE_HEADER or inner[start:end] != bytes((padding,)) * (1 + padding):
        return defect("channel-padding", f"padding of {padding} bytes in {end}")
    return inner[:start]
