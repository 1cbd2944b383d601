"""Puts a trained model where it is shipped: model, manifest, signature, and the public half of the key in the package.

Training is reproducible, a signature is not: its key is made for it and forgotten at once. So where the same model and
the same manifest lie there already, signed with the key that the package knows, nothing is written at all.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final, NamedTuple

from icsguard.inference import signature
from icsguard.inference.api import ModelRefusedError

_HEX: Final = re.compile(r'fromhex\("([0-9a-f]{64})"\)')


class KeyFile(NamedTuple):
    """The Python file that holds a public key."""

    path: Path
    constant: str
    command: str
    """What makes it."""


def ship(folder: Path, name: str, model: bytes, manifest: bytes, key: KeyFile | None) -> bool:
    """Write `name`.onnx, .json and .sig, and the key file; return whether anything had to be written."""
    files = {"onnx": model, "json": manifest}
    if key is not None and _is_there(folder, name, files, key):
        return False
    private = signature.new_key()
    folder.mkdir(parents=True, exist_ok=True)
    for ending, content in (*files.items(), ("sig", signature.sign(private, manifest))):
        (folder / f"{name}.{ending}").write_bytes(content)
    if key is not None:
        key.path.write_text(_key_text(key, signature.public_key(private)), encoding="utf-8")
    return True


def _is_there(folder: Path, name: str, files: dict[str, bytes], key: KeyFile) -> bool:
    try:
        known = _HEX.search(key.path.read_text(encoding="utf-8"))
        if known is None or any((folder / f"{name}.{ending}").read_bytes() != one for ending, one in files.items()):
            return False
        signature.check(bytes.fromhex(known[1]), files["json"], (folder / f"{name}.sig").read_bytes())
    except (OSError, ModelRefusedError):
        return False
    return True


def _key_text(key: KeyFile, public: bytes) -> str:
    return (
        '"""The public half of the key that signed a shipped model. The private half made one signature and is gone.\n'
        f"\nWritten by `{key.command}`.\n"
        '"""\n\nfrom typing import Final\n\n'
        f'{key.constant}: Final = bytes.fromhex("{public.hex()}")\n'
    )
