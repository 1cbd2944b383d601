"""Checked settings, kept beside the state: a start whose files are unchanged needs no check (docs/decisions/0009).

The child that checks the configuration writes them; the gateway reads them when it starts. They hold only while every
file that they came from, and the code that checked it, is the same byte for byte. Whatever is wrong with the kept file
means: check again.
"""

from __future__ import annotations

import contextlib
import os
import stat
import tomllib
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final

import msgspec

import icsguard
from icsguard.config.settings import GatewaySettings, Settings
from icsguard.runtime.places import ShippedDataMissingError, rules_dir

FILE_NAME: Final = "settings.kept"
MAX_BYTES: Final = 64 * 1024 * 1024
"""Ten thousand rules take about 5 MB. A larger file is not kept and not read."""
_PACKAGE: Final = Path(icsguard.__file__).parent
_CODE: Final = ("config", "policy", "core", "runtime")
"""Packages whose code decides what settings the same files give."""


class _Kept(msgspec.Struct, frozen=True, array_like=True):
    """What is kept."""

    code: str
    """Fingerprint of the code that checked."""
    config: str
    files: dict[str, str]
    """SHA-256 of each file that was read, by path."""
    warnings: tuple[str, ...]
    packed: bytes
    """The settings as msgpack."""


class _File(msgspec.Struct, frozen=True, array_like=True):
    """The file: a digest by which a flipped bit is found, and what is kept."""

    sha256: str
    body: msgspec.Raw


class Found(msgspec.Struct, frozen=True):
    """Settings that still hold."""

    settings: Settings
    packed: bytes
    warnings: tuple[str, ...]


def keep(config: Path, settings: Settings, packed: bytes, warnings: Sequence[str], sources: Mapping[Path, str]) -> None:
    """Keep checked settings for the next start, where there is a state folder. A disk that fails costs only time."""
    folder = Path(settings.gateway.state_dir)
    files = {}
    for path, text in sources.items():
        digest = _digest(path, text)
        if digest is None:
            return  # it changed while it was checked
        files[str(path)] = digest
    body = msgspec.msgpack.encode(_Kept(_fingerprint(), str(config.absolute()), files, tuple(warnings), packed))
    whole = msgspec.msgpack.encode(_File(sha256(body).hexdigest(), msgspec.Raw(body)))
    if len(whole) <= MAX_BYTES and folder.is_dir():
        with contextlib.suppress(OSError):
            _replace(folder / FILE_NAME, whole)


def kept(config: Path) -> Found | None:
    """Return the settings that were kept for `config`; None where they do not hold any more, for whatever reason."""
    try:
        data = _read(_state_dir(config) / FILE_NAME)
        file = msgspec.msgpack.decode(data, type=_File)
        if sha256(file.body).hexdigest() != file.sha256:
            return None
        found = msgspec.msgpack.decode(file.body, type=_Kept)
        if found.config != str(config.absolute()) or found.code != _fingerprint():
            return None
        if any(_sha256(Path(path)) != digest for path, digest in found.files.items()):
            return None
        settings = msgspec.msgpack.decode(found.packed, type=Settings)
    except (OSError, ValueError, msgspec.MsgspecError, tomllib.TOMLDecodeError, RecursionError):
        return None
    return Found(settings, found.packed, found.warnings)


def _state_dir(config: Path) -> Path:
    """Return the state folder that the file names, without checking anything else. Raises OSError or ValueError."""
    gateway = tomllib.loads(config.read_text(encoding="utf-8-sig")).get("gateway", {})
    place = gateway.get("state", GatewaySettings().state_dir) if isinstance(gateway, dict) else ""
    if not isinstance(place, str) or not place:
        raise ValueError("no state folder is named")
    return config.absolute().parent / place


def _read(path: Path) -> bytes:
    """Return the kept file. Raises ValueError where others than its owner and root may have written it."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    with open(descriptor, "rb") as file:  # noqa: PTH123 - from a descriptor, to judge what was opened
        status = os.fstat(descriptor)
        foreign = status.st_uid not in {0, os.geteuid()} or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        if foreign or status.st_size > MAX_BYTES:
            raise ValueError(f"{path} is not ours")
        return file.read()


def _replace(path: Path, data: bytes) -> None:
    fresh = path.with_suffix(f".{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
    try:
        with open(descriptor, "wb") as file:  # noqa: PTH123 - from a descriptor, for its mode
            file.write(data)
        fresh.replace(path)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise


def _digest(path: Path, text: str) -> str | None:
    """Return the digest of a file's bytes; None where they are not `text` any more."""
    try:
        data = path.read_bytes()
        return sha256(data).hexdigest() if data.decode("utf-8-sig") == text else None
    except (OSError, UnicodeDecodeError):
        return None


def _sha256(path: Path) -> str:
    """Return the digest of a file. Raises OSError."""
    return sha256(path.read_bytes()).hexdigest()


def _fingerprint() -> str:
    """Return what changes with the code that checks, and with the rule packs that are shipped with it."""
    folders = [_PACKAGE / name for name in _CODE]
    with contextlib.suppress(ShippedDataMissingError):
        folders.append(rules_dir())
    found = [icsguard.__version__]
    for folder in folders:
        with os.scandir(folder) as entries:
            found += sorted(
                f"{entry.path} {(status := entry.stat()).st_size} {status.st_mtime_ns}"
                for entry in entries
                if entry.name.endswith((".py", ".toml"))
            )
    return sha256("\n".join(found).encode()).hexdigest()
