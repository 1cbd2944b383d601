"""What `icsguard pki` does to the folder of certificates: one function a verb, errors with what to do about them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from icsguard.core.clock import DAY
from icsguard.core.defect import Defect
from icsguard.protocols.opcua.certificates import Certificate, certificate_of
from icsguard.protocols.opcua.trust import WARNINGS, expiry_of, list_expiry
from icsguard.runtime import pki_store
from icsguard.runtime.pki_make import AUTHORITY_DAYS, Authority, Subject, issue, make_authority, make_crl, make_key
from icsguard.runtime.pki_store import CA, OWN, REJECTED, SEEN, TRUSTED, Found, PkiError

AUTHORITY: Final = "icsguard-ca"
"""File name of the own authority among the trusted ones."""
MIN_PIN: Final = 8  # digits of a pin that name a certificate; fewer are guessed too easily
MAX_DAYS: Final = 3_650


@dataclass(frozen=True, slots=True)
class Warned:
    """One certificate or revocation list that ends soon, or has ended."""

    where: str
    """Folder and file name."""
    days: int
    """Left; negative: ended so long ago."""
    level: int
    """60, 30, 7, or 0 for ended."""

    @property
    def is_list(self) -> bool:
        """Say whether it is a revocation list."""
        return self.where.endswith(".crl")


def begin(folder: Path, name: str, wall: int, *, days: int = AUTHORITY_DAYS) -> Certificate:
    """Make the folder and an authority in it, trusted and with an empty revocation list."""
    pki_store.prepare(folder)
    if (folder / CA / "ca.pem").exists():
        raise PkiError(f"{folder} has an authority already: icsguard pki show {AUTHORITY}")
    made = make_authority(name, wall, days=days)
    pki_store.put_key(folder / CA / "ca.pem", made.key)
    pki_store.put(folder / CA / "ca.der", _der(made.certificate))
    pki_store.put(folder / TRUSTED / f"{AUTHORITY}.der", _der(made.certificate))
    _put_list(folder, make_crl(made, [], wall))
    return _parsed(_der(made.certificate))


def give(
    folder: Path, name: str, subject: Subject, wall: int, *, days: int, alone: bool = False, force: bool = False
) -> Certificate:
    """Make key and certificate of a name, signed by the own authority, or by itself where there is none or `alone`."""
    pki_store.prepare(folder)
    place = folder / OWN / f"{name}.der"
    if place.exists() and not force:
        raise PkiError(f"{place} exists: add --force to replace it; who trusts the former one must trust the new one")
    signer = None if alone or not (folder / CA / "ca.pem").exists() else authority(folder)
    if signer is not None and wall + days * DAY > _parsed(_der(signer.certificate)).not_after:
        raise PkiError(f"{days} days are longer than the authority's own life: take fewer")
    key = make_key()
    raw = _der(issue(subject, signer, key, wall, days))
    pki_store.put_key(folder / OWN / f"{name}.pem", key)
    pki_store.put(place, raw)
    return _parsed(raw)


def authority(folder: Path) -> Authority:
    """Return the own authority; raise PkiError where there is none."""
    try:
        certificate = x509.load_der_x509_certificate((folder / CA / "ca.der").read_bytes())
        key = load_pem_private_key((folder / CA / "ca.pem").read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise PkiError(f"{folder} has no authority of its own: icsguard pki init makes one") from error
    if not isinstance(key, RSAPrivateKey):
        raise PkiError(f"{folder / CA / 'ca.pem'} is no RSA key")
    return Authority(certificate, key)


def find(folder: Path, who: str) -> Found:
    """Return the one certificate that a path, a file name or the first digits of a pin name."""
    path = Path(who)
    if path.is_file():
        found = pki_store.read_certificate(path)
        if found is None:
            raise PkiError(f"{path} holds no certificate")
        return Found("", path, found)
    digits = who.lower().replace(":", "")
    pin = digits if len(digits) >= MIN_PIN else "-"
    every = [*pki_store.listed(folder), *pki_store.seen(folder)]
    hits = [one for one in every if one.path.stem == who or one.certificate.pin.startswith(pin)]
    if not hits:
        raise PkiError(f"no certificate {who!r} in {folder}: icsguard pki list shows all, seen ones included")
    if len({one.certificate.pin for one in hits}) > 1:
        raise PkiError(f"{who!r} names {len(hits)} certificates: write more digits of the pin")
    return hits[0]


def trust(folder: Path, who: str) -> Found:
    """Put a certificate into the trust list; whatever turned it down before is withdrawn."""
    pki_store.prepare(folder)
    found = find(folder, who)
    place = folder / TRUSTED / f"{found.certificate.pin}.der"
    pki_store.put(place, found.certificate.der)
    for suffix in (".der", SEEN):
        (folder / REJECTED / f"{found.certificate.pin}{suffix}").unlink(missing_ok=True)
    return Found(TRUSTED, place, found.certificate)


def reject(folder: Path, who: str) -> Found:
    """Turn a certificate down: out of the trust list, and refused whoever issued it."""
    pki_store.prepare(folder)
    found = find(folder, who)
    place = folder / REJECTED / f"{found.certificate.pin}.der"
    pki_store.put(place, found.certificate.der)
    place.with_suffix(SEEN).unlink(missing_ok=True)
    for one in list(pki_store.listed(folder)):
        if one.folder == TRUSTED and one.certificate.pin == found.certificate.pin:
            one.path.unlink()
    return Found(REJECTED, place, found.certificate)


def revoke(folder: Path, who: str, wall: int) -> Found:
    """Revoke a certificate of the own authority: its list is written anew."""
    signer, found = authority(folder), find(folder, who)
    leaf = x509.load_der_x509_certificate(found.certificate.der)
    try:
        leaf.verify_directly_issued_by(signer.certificate)
    except (ValueError, TypeError, InvalidSignature) as error:
        raise PkiError(
            f"{found.path} was not issued by the own authority: icsguard pki reject turns it down"
        ) from error
    former = _list_of(folder)
    serials = {entry.serial_number for entry in former} if former is not None else set()
    number = 1 if former is None else former.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number + 1
    _put_list(folder, make_crl(signer, serials | {leaf.serial_number}, wall, number=number))
    return found


def take_list(folder: Path, path: Path) -> tuple[str, int]:
    """Take in the revocation list of another authority; return whose it is and how many it revokes."""
    pki_store.prepare(folder)
    try:
        raw = path.read_bytes()
        pem = raw.startswith(b"-----BEGIN")
        crl = x509.load_pem_x509_crl(raw) if pem else x509.load_der_x509_crl(raw)
    except (OSError, ValueError) as error:
        raise PkiError(f"{path} is no revocation list") from error
    whose = [one for one in pki_store.listed(folder) if _signs(one.certificate, crl)]
    if not whose:
        text = f"{path} is signed by nobody in {folder}: put its authority into issuers/ or trust it first"
        raise PkiError(text)
    pki_store.put(folder / whose[0].folder / f"{whose[0].certificate.pin}.crl", crl.public_bytes(Encoding.DER))
    return whose[0].certificate.subject, len(crl)


def exported(folder: Path, who: str, *, pem: bool) -> bytes:
    """Return a certificate for others to trust; never a key."""
    raw = find(folder, who).certificate.der
    return x509.load_der_x509_certificate(raw).public_bytes(Encoding.PEM) if pem else raw


def ending(folder: Path, wall: int) -> list[Warned]:
    """Return every certificate and list in use that ends within the warnings' days, the most urgent first."""
    found = []
    for one in pki_store.listed(folder):
        if one.folder == REJECTED or one.path.stem == AUTHORITY:
            continue
        days, level = expiry_of(one.certificate, wall)
        if level >= 0:
            found.append(Warned(f"{one.folder}/{one.path.name}", days, level))
    for name, path, raw in pki_store.lists(folder):
        expiry = list_expiry(raw, wall)
        if expiry is not None and expiry.level >= 0:
            found.append(Warned(f"{name}/{path.name}", expiry.days, expiry.level))
    return sorted(found, key=lambda warned: warned.days)


def ending_text(warned: Warned) -> str:
    """Return a warning as a sentence."""
    what = "revocation list" if warned.is_list else "certificate"
    if not warned.level:
        who = "everybody whom its authority issued" if warned.is_list else "whoever shows it"
        return f"{what} {warned.where} has ended: {who} is refused"
    return f"{what} {warned.where} ends in {warned.days} days (warned of at {', '.join(map(str, WARNINGS[::-1]))})"


def _put_list(folder: Path, crl: x509.CertificateRevocationList) -> None:
    pki_store.put(folder / TRUSTED / f"{AUTHORITY}.crl", crl.public_bytes(Encoding.DER))


def _list_of(folder: Path) -> x509.CertificateRevocationList | None:
    path = folder / TRUSTED / f"{AUTHORITY}.crl"
    try:
        return x509.load_der_x509_crl(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise PkiError(f"{path} cannot be read, and who was revoked stands only there") from error


def _signs(certificate: Certificate, crl: x509.CertificateRevocationList) -> bool:
    try:
        return crl.is_signature_valid(certificate.key)
    except (ValueError, TypeError, InvalidSignature):
        return False


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


def _parsed(raw: bytes) -> Certificate:
    found = certificate_of(raw)
    if isinstance(found, Defect):
        raise PkiError(found.text)
    return found
