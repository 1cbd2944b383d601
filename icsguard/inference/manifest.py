"""A model's card: what it is, what it expects, how it was made, and what it is worth. Signed, and checked before a run.

The manifest names the SHA-256 of every file beside it, so that one signature over the manifest covers them all.
"""

from __future__ import annotations

import hashlib
from typing import Final

import msgspec

from icsguard.inference.api import ModelRefusedError

SCHEMA: Final = "icsguard.model/1"
MAX_MANIFEST: Final = 1 << 20  # bytes; the scalers of MAX_POINTS points fit in a tenth. Beyond: refused
SHORT: Final = 12
"""Hex digits of a digest as records carry it."""


class Port(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One input or output: its name and its fixed shape, float32 always."""

    name: str
    shape: tuple[int, ...]


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The card of one model."""

    schema: str = SCHEMA
    name: str
    kind: str
    """`flow-autoencoder` or `point-twin`."""
    files: dict[str, str]
    """SHA-256 (hex) of every file that belongs to the model, by file name."""
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    features: tuple[str, ...]
    """What the columns of the first input are, in order."""
    feature_digest: str
    """SHA-256 of how the features are made: other scales or another definition make another model."""
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    data_digest: str
    """SHA-256 of the data that it was fitted on."""
    rows: int
    """How many rows that were."""
    thresholds: dict[str, float]
    metrics: dict[str, float]
    command: str
    """What makes this model again."""
    note: str = ""


def digest(data: bytes) -> str:
    """Return the SHA-256 of `data` as hex."""
    return hashlib.sha256(data).hexdigest()


def encode(manifest: Manifest) -> bytes:
    """Return the manifest as the text that is signed: keys sorted, one a line."""
    return msgspec.json.format(msgspec.json.encode(manifest, order="sorted"), indent=1) + b"\n"


def decode(data: bytes) -> Manifest:
    """Return the manifest; raise ModelRefusedError where the text is none or of another version."""
    if len(data) > MAX_MANIFEST:
        raise ModelRefusedError("manifest-size", f"the manifest has {len(data)} bytes, at most {MAX_MANIFEST} are read")
    try:
        manifest = msgspec.json.decode(data, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ModelRefusedError("manifest-form", f"the manifest cannot be read: {error}") from error
    if manifest.schema != SCHEMA:
        raise ModelRefusedError("manifest-version", f"the manifest is {manifest.schema!r:.40}, expected {SCHEMA}")
    if not len(manifest.features) == len(manifest.mean) == len(manifest.scale):
        raise ModelRefusedError("manifest-scaler", "the manifest's features, mean and scale differ in length")
    return manifest


def check_file(manifest: Manifest, name: str, data: bytes) -> None:
    """Raise ModelRefusedError unless `data` is what the manifest says of the file `name`."""
    if manifest.files.get(name) != digest(data):
        raise ModelRefusedError(
            "file-digest", f"{name} is not the file that the manifest names: install the model again"
        )
