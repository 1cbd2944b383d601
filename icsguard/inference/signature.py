"""Ed25519 signatures over manifests: who vouches for a model.

Two keys exist: the release key, whose public half is part of the package and whose private half made one signature and
was forgotten; and the site key, made on the box at learn time, which signs what was learnt there.
"""

from __future__ import annotations

from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from icsguard.inference.api import ModelRefusedError

CONTEXT: Final = b"icsguard model manifest v1\0"
"""Keeps a signature over a manifest from meaning anything elsewhere."""


def new_key() -> bytes:
    """Return the 32 bytes of a fresh private key."""
    return Ed25519PrivateKey.generate().private_bytes_raw()


def public_key(private: bytes) -> bytes:
    """Return the public half (32 bytes)."""
    return Ed25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def sign(private: bytes, manifest: bytes) -> bytes:
    """Return the signature (64 bytes) of a manifest's text."""
    return Ed25519PrivateKey.from_private_bytes(private).sign(CONTEXT + manifest)


def check(public: bytes, manifest: bytes, signature: bytes) -> None:
    """Raise ModelRefusedError unless `signature` is the key's over the manifest's text."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, CONTEXT + manifest)
    except (InvalidSignature, ValueError) as error:
        raise ModelRefusedError(
            "signature", "the model's signature does not fit its manifest: learn it again"
        ) from error
