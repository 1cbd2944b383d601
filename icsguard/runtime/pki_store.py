"""The folder of certificates of an OPC UA conduit: who the gateway is, whom it trusts, whom it turned away.

    own/NAME.der, own/NAME.pem   certificates of the gateway and their keys
    ca/ca.der, ca/ca.pem         its own authority, where `icsguard pki init` made one
    trusted/, issuers/           certificates and revocation lists (.der .crt .pem .crl); issuers only complete chains
    rejected/PIN.der, PIN.seen   what an operator turned down; what peers showed and nobody has decided about

Folders are 0700 and keys 0600: the gateway's own user reads them, nobody else. `stamp` tells cheaply whether anything
changed, so that live channels feel a change within seconds.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from icsguard.core.defect import Defect
from icsguard.protocols.opcua.certificates import Certificate, certificate_of
from icsguard.protocols.opcua.trust import MAX_CRL, Trust

OWN, CA, TRUSTED, ISSUERS, REJECTED = "own", "ca", "trusted", "issuers", "rejected"
FOLDERS: Final = (OWN, CA, TRUSTED, ISSUERS, REJECTED)
CERTIFICATES: Final = frozenset({".der", ".crt", ".cer", ".pem"})
LISTS: Final = frozenset({".crl"})
MAX_FILES: Final = 4_096  # files of one folder that are read; a plant has hundreds
MAX_REJECTED: Final = 256  # certificates kept for an operator to look at; then new ones are only recorded
SEEN: Final = ".seen"
"""Suffix of a certificate that was shown and waits for `icsguard pki trust` or `reject`."""
_PEM: Final = b"-----BEGIN"
_OTHERS: Final = 0o077


class PkiError(Exception):
    """Something about a file that an operator must mend; its text says what."""


class Own(NamedTuple):
    """Who the gateway is on one leg."""

    certificate: bytes
    """DER of the leaf, with its chain where the file has one."""
    key: RSAPrivateKey
    leaf: Certificate


class Found(NamedTuple):
    """One certificate of the folder."""

    folder: str
    path: Path
    certificate: Certificate


def load(folder: Path, server_pin: str = "") -> Trust:
    """Return the trust list of a folder; what is missing or cannot be read is not trusted and stands in its faults."""
    return Trust.of(
        _all(folder / TRUSTED, CERTIFICATES),
        _all(folder / ISSUERS, CERTIFICATES),
        rejected=_all(folder / REJECTED, CERTIFICATES),
        crls=[*_all(folder / TRUSTED, LISTS), *_all(folder / ISSUERS, LISTS)],
        server_pin=server_pin,
    )


def stamp(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """Return something that differs as soon as a file of trust, of revocation or of our own does."""
    return tuple(
        (str(path), found.st_mtime_ns, found.st_size)
        for name in (OWN, TRUSTED, ISSUERS, REJECTED)
        for path in _files(folder / name)
        if (found := _stat(path)) is not None
    )


def own(folder: Path, name: str) -> Own:
    """Return the gateway's certificate and key of a name; raise PkiError where they cannot be used."""
    certificate, key = folder / OWN / f"{name}.der", folder / OWN / f"{name}.pem"
    try:
        raw, secret = certificate.read_bytes(), key.read_bytes()
    except OSError as error:
        raise PkiError(f"{error.filename}: {error.strerror}; icsguard pki issue {name} makes it") from error
    if key.stat().st_mode & _OTHERS:
        raise PkiError(f"{key} can be read by others: chmod 600 {key}")
    leaf = certificate_of(raw)
    if isinstance(leaf, Defect):
        raise PkiError(f"{certificate}: {leaf.text}")
    try:
        made = load_pem_private_key(secret, password=None)
    except (ValueError, TypeError) as error:
        raise PkiError(f"{key} holds no unencrypted private key") from error
    if not isinstance(made, RSAPrivateKey) or made.public_key() != leaf.key:
        raise PkiError(f"{key} is not the key of {certificate}")
    return Own(raw, made, leaf)


def listed(folder: Path) -> Iterator[Found]:
    """Yield every readable certificate of the folder, folder by folder."""
    for name in FOLDERS:
        for path in _files(folder / name):
            if path.suffix in CERTIFICATES and not (name in {OWN, CA} and path.suffix == ".pem"):
                found = read_certificate(path)
                if found is not None:
                    yield Found(name, path, found)


def read_certificate(path: Path) -> Certificate | None:
    """Return the certificate that a file holds, DER or PEM; None where it holds none."""
    raw = _read(path)
    found = certificate_of(raw) if raw else None
    return found if isinstance(found, Certificate) else None


def prepare(folder: Path) -> None:
    """Make the folders, for the gateway's own user alone."""
    for path in (folder, *(folder / name for name in FOLDERS)):
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.chmod(0o700)


def hand_over(folder: Path) -> None:
    """Where root writes, give the folder to the user whose state folder it lies in: the gateway must read its keys."""
    if os.geteuid() != 0 or not folder.exists():
        return
    owner = folder.parent.stat()
    for path in (folder, *folder.rglob("*")):
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


def put(path: Path, data: bytes, mode: int = 0o644) -> None:
    """Write a file as a whole: a reader sees the former one or this one, and never with wider rights."""
    part = path.with_name(f".{path.name}.part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, mode)
        file.write(data)
        file.flush()
        os.fsync(descriptor)
    part.replace(path)


def put_key(path: Path, key: RSAPrivateKey) -> None:
    """Write a private key for the owner's eyes alone."""
    put(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), 0o600)


def keep_rejected(folder: Path, chain: bytes) -> Path | None:
    """Keep what a peer showed and nobody trusts, for an operator to look at; None where it is there or room is not.

    It is kept under `rejected/` as `.seen`: not trusted, and not turned down by an operator either.
    """
    found = certificate_of(chain)
    if isinstance(found, Defect):
        return None
    path = folder / REJECTED / f"{found.pin}{SEEN}"
    if path.exists() or path.with_suffix(".der").exists() or len(_files(folder / REJECTED)) >= MAX_REJECTED:
        return None
    put(path, found.der)
    return path


def seen(folder: Path) -> Iterator[Found]:
    """Yield the certificates that peers showed and nobody has decided about."""
    for path in _files(folder / REJECTED):
        found = read_certificate(path) if path.suffix == SEEN else None
        if found is not None:
            yield Found(REJECTED, path, found)


def lists(folder: Path) -> Iterator[tuple[str, Path, bytes]]:
    """Yield every revocation list in use: folder, file, DER."""
    for name in (TRUSTED, ISSUERS):
        for path in _files(folder / name):
            if path.suffix in LISTS and (raw := _read(path)):
                yield name, path, raw


def _all(folder: Path, suffixes: frozenset[str]) -> list[bytes]:
    return [raw for path in _files(folder) if path.suffix in suffixes and (raw := _read(path))]


def _files(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))[:MAX_FILES]
    except OSError:
        return []


def _read(path: Path) -> bytes:
    """Return the DER of a file, empty where it cannot be read."""
    try:
        if path.stat().st_size > MAX_CRL:
            return b""
        raw = path.read_bytes()
        return _der(raw, is_list=path.suffix in LISTS) if raw.startswith(_PEM) else raw
    except (OSError, ValueError):
        return b""


def _der(raw: bytes, *, is_list: bool) -> bytes:
    if is_list:
        return x509.load_pem_x509_crl(raw).public_bytes(Encoding.DER)
    return x509.load_pem_x509_certificate(raw).public_bytes(Encoding.DER)


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None
