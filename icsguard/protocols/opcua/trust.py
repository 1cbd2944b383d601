"""Whom to believe: certificates against a trust list, issuers and revocation lists (P4 §6.1.3).

Compiled once from the bytes of a folder, then asked at each OPN, each CreateSession, and of every live channel when
the folder changes. Pure: the wall clock is an argument. Chains are bounded before anything is parsed, and each look
tries at most MAX_STEPS signatures. What a defect says is for our records: a peer hears BadSecurityChecksFailed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Final, NamedTuple, Self

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.x509.oid import ExtendedKeyUsageOID

from icsguard.core.defect import Defect
from icsguard.protocols.opcua.certificates import MAX_CHAIN, Certificate, certificate_of, chain_of
from icsguard.protocols.opcua.describe import shown
from icsguard.protocols.opcua.status import STATUS

MAX_TRUSTED: Final = 4_096  # certificates of one folder; a plant has hundreds. Later ones are faults, not trusted
MAX_CRLS: Final = 64  # revocation lists of one folder; likewise
MAX_CRL: Final = 4_194_304  # bytes of one list: some hundred thousand revoked certificates
MAX_STEPS: Final = 16  # signatures that one look verifies, each 35 us
CODES: Final = {
    "certificate-unreadable": "BadCertificateInvalid",
    "certificate-rejected": "BadCertificateUntrusted",
    "certificate-untrusted": "BadCertificateUntrusted",
    "certificate-chain": "BadCertificateChainIncomplete",
    "certificate-time": "BadCertificateTimeInvalid",
    "certificate-issuer-time": "BadCertificateIssuerTimeInvalid",
    "certificate-use": "BadCertificateUseNotAllowed",
    "certificate-issuer-use": "BadCertificateIssuerUseNotAllowed",
    "certificate-uri": "BadCertificateUriInvalid",
    "certificate-weak": "BadSecurityChecksFailed",
    "certificate-revoked": "BadCertificateRevoked",
    "certificate-issuer-revoked": "BadCertificateIssuerRevoked",
    "certificate-revocation-unknown": "BadCertificateRevocationUnknown",
    "certificate-pin": "BadCertificateUntrusted",
}
"""Code to the StatusCode that names it."""
_BROKEN: Final = (
    ValueError,
    TypeError,
    OverflowError,
    UnsupportedAlgorithm,
    InvalidSignature,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
    x509.DuplicateExtension,
    Warning,
)
"""What the library raises on bytes that are no certificate, and on signatures that do not fit."""


class Trust:
    """One folder of certificates, compiled."""

    __slots__ = ("_crls", "_pool", "_rejected", "_server_pin", "_trusted", "faults")

    def __init__(self) -> None:
        self._trusted: frozenset[str] = frozenset()
        self._rejected: frozenset[str] = frozenset()
        self._pool: dict[bytes, list[x509.Certificate]] = {}
        """Everybody who may have issued something, by subject."""
        self._crls: dict[bytes, list[x509.CertificateRevocationList]] = {}
        """By issuer."""
        self._server_pin = ""
        self.faults: tuple[str, ...] = ()
        """What could not be read; nothing of it is trusted."""

    @property
    def is_empty(self) -> bool:
        """Say whether nobody was ever said to be trusted: a channel that passes through is then not judged by it."""
        return not (self._trusted or self._pool or self._server_pin)

    @classmethod
    def of(
        cls,
        trusted: Iterable[bytes] = (),
        issuers: Iterable[bytes] = (),
        *,
        rejected: Iterable[bytes] = (),
        crls: Iterable[bytes] = (),
        server_pin: str = "",
    ) -> Self:
        """Compile DERs into a trust list. Never raises: what cannot be read stands in `faults`."""
        made, faults = cls(), list[str]()
        known = list(_certificates(trusted, faults))
        made._trusted = frozenset(map(_pin, known))
        made._rejected = frozenset(sha256(raw).hexdigest() for raw in rejected)
        for certificate in (*known, *_certificates(issuers, faults)):
            made._pool.setdefault(certificate.subject.public_bytes(), []).append(certificate)
        for crl in _crls(crls, faults):
            made._crls.setdefault(crl.issuer.public_bytes(), []).append(crl)
        made._server_pin = server_pin
        made.faults = tuple(faults)
        return made

    def client(self, chain: bytes, uri: str, wall: int) -> Defect | None:
        """Return what is wrong with a client's certificate, None where it is trusted.

        `chain`: as sent, leaf first. `uri`: who the client says it is; empty where it has not said so yet.
        """
        return self._judge(chain, wall, uri=uri, use=ExtendedKeyUsageOID.CLIENT_AUTH)

    def server(self, chain: bytes, wall: int) -> Defect | None:
        """Return what is wrong with the server's certificate, None where it is trusted or just the pinned one."""
        return self._judge(chain, wall, use=ExtendedKeyUsageOID.SERVER_AUTH, pinned=self._server_pin)

    def _judge(
        self, chain: bytes, wall: int, *, use: x509.ObjectIdentifier, uri: str = "", pinned: str = ""
    ) -> Defect | None:
        leaf = certificate_of(chain)
        if isinstance(leaf, Defect):
            return _defect("certificate-unreadable", leaf.text)
        sent = list(_certificates(_chain(chain), []))
        if not sent:
            return _defect("certificate-unreadable", "the leaf cannot be read")
        try:
            return self._whole(leaf, sent, wall, use=use, uri=uri, pinned=pinned)
        except _BROKEN as error:  # the library reads some parts only when they are asked for
            return _defect("certificate-unreadable", f"a part of the chain cannot be read: {type(error).__name__}")

    def _whole(
        self,
        leaf: Certificate,
        sent: list[x509.Certificate],
        wall: int,
        *,
        use: x509.ObjectIdentifier,
        uri: str,
        pinned: str,
    ) -> Defect | None:
        found = self._own(leaf, sent[0], wall, use)
        if found is None and uri and leaf.uri != uri:
            said, holds = shown(uri), shown(leaf.uri) or "no URI"
            found = _defect("certificate-uri", f"the application says {said}, its certificate names {holds}")
        if found is not None:
            return found
        if pinned:
            text = f"the server shows {leaf.pin}, pinned is {pinned}"
            return None if leaf.pin == pinned else _defect("certificate-pin", text)
        return self._path(leaf, sent, wall)

    def _own(self, leaf: Certificate, parsed: x509.Certificate, wall: int, use: x509.ObjectIdentifier) -> Defect | None:
        """Judge what the leaf itself says."""
        who = _who(leaf)
        if leaf.pin in self._rejected:
            return _defect("certificate-rejected", f"{who} was rejected by an operator")
        if not leaf.is_valid(wall):
            when = "has ended" if wall > leaf.not_after else "has not begun"
            return _defect("certificate-time", f"the life of {who} {when}")
        if isinstance(parsed.signature_hash_algorithm, hashes.SHA1 | hashes.MD5):
            return _defect("certificate-weak", f"{who} is signed with {parsed.signature_hash_algorithm.name}")
        if not _may(parsed, use):
            return _defect("certificate-use", f"{who} is not made for this: its key usage says so")
        return None

    def _path(self, leaf: Certificate, sent: list[x509.Certificate], wall: int) -> Defect | None:
        """Walk from the leaf to a trusted certificate, and look for each of its issuers' revocations."""
        who, at = _who(leaf), sent[0]
        trusted = leaf.pin in self._trusted
        steps = 0
        for depth in range(MAX_CHAIN):
            if at.subject == at.issuer:
                break
            issuer, tried = self._issuer(at, sent[1:], MAX_STEPS - steps)
            steps += tried
            if issuer is None:
                found = _defect("certificate-chain", f"the issuer of {who} is not known: {_name(at.issuer)}")
                return None if trusted else found
            bad = self._issued(at, issuer, wall, depth)
            if bad is not None and not (trusted and bad.code == "certificate-revocation-unknown"):
                return bad
            trusted = trusted or _pin(issuer) in self._trusted
            at = issuer
        return None if trusted else _defect("certificate-untrusted", f"nobody trusts {who}, pin {leaf.pin}")

    def _issuer(
        self, at: x509.Certificate, sent: list[x509.Certificate], left: int
    ) -> tuple[x509.Certificate | None, int]:
        """Return who signed a certificate, and how many signatures were verified to find out."""
        tried = 0
        for one in (*self._pool.get(at.issuer.public_bytes(), ()), *sent):
            if one.subject != at.issuer or tried >= left:
                continue
            tried += 1
            try:
                at.verify_directly_issued_by(one)
            except _BROKEN:
                continue
            return one, tried
        return None, tried

    def _issued(self, at: x509.Certificate, issuer: x509.Certificate, wall: int, depth: int) -> Defect | None:
        """Judge an issuer's right to have issued, and whether it took it back."""
        who = _name(at.subject)
        moment = _moment(wall)
        if not issuer.not_valid_before_utc <= moment <= issuer.not_valid_after_utc:
            return _defect("certificate-issuer-time", f"the issuer of {who} is not valid now")
        if not _is_authority(issuer, depth):
            return _defect("certificate-issuer-use", f"{_name(issuer.subject)} may not issue {who}")
        lists = [crl for crl in self._crls.get(issuer.subject.public_bytes(), ()) if _signed(crl, issuer)]
        if any(crl.get_revoked_certificate_by_serial_number(at.serial_number) is not None for crl in lists):
            code = "certificate-issuer-revoked" if depth else "certificate-revoked"
            return _defect(code, f"{who} was revoked by {_name(issuer.subject)}")
        if not any(_is_current(crl, moment) for crl in lists):  # silence of an old list says nothing
            which = "every revocation list has ended" if lists else "no revocation list"
            text = f"{which} of {_name(issuer.subject)}, which issued {who}"
            return _defect("certificate-revocation-unknown", text)
        return None


class Expiry(NamedTuple):
    """How long a certificate or a revocation list still holds."""

    days: int
    """Whole days; negative where its life has ended."""
    level: int
    """The warning that is due: 60, 30 or 7 days, 0 for ended, -1 for none."""


WARNINGS: Final = (7, 30, 60)
"""Days before its end at which a certificate is warned of."""


def expiry_of(certificate: Certificate, wall: int) -> Expiry:
    """Return how long a certificate still holds, and which warning is due."""
    return _expiry(_moment(certificate.not_after), wall)


def list_expiry(raw: bytes, wall: int) -> Expiry | None:
    """Return likewise how long a revocation list (DER) holds; None where it cannot be read or has no end."""
    try:
        end = x509.load_der_x509_crl(raw).next_update_utc
    except _BROKEN:
        return None
    return None if end is None else _expiry(end, wall)


def _expiry(end: datetime, wall: int) -> Expiry:
    moment = _moment(wall)
    days = (end - moment).days
    return Expiry(days, 0 if moment > end else next((level for level in WARNINGS if days < level), -1))


def _certificates(raws: Iterable[bytes], faults: list[str]) -> Iterator[x509.Certificate]:
    for place, raw in enumerate(raws):
        if place >= MAX_TRUSTED:
            faults.append(f"more than {MAX_TRUSTED} certificates: the rest is not trusted")
            return
        found = certificate_of(raw)
        if isinstance(found, Defect):
            faults.append(f"certificate {place + 1}: {found.text}")
            continue
        try:
            parsed = x509.load_der_x509_certificate(found.der)
            parsed.subject.public_bytes(), parsed.issuer.public_bytes()  # read only now; later they must not fail
        except _BROKEN as error:
            faults.append(f"certificate {place + 1}: {type(error).__name__}")
        else:
            yield parsed


def _crls(raws: Iterable[bytes], faults: list[str]) -> Iterator[x509.CertificateRevocationList]:
    for place, raw in enumerate(raws):
        if place >= MAX_CRLS or len(raw) > MAX_CRL:
            faults.append(f"revocation list {place + 1} is beyond what is taken")
            continue
        try:
            parsed = x509.load_der_x509_crl(raw)
            parsed.issuer.public_bytes()
        except _BROKEN as error:
            faults.append(f"revocation list {place + 1} cannot be read: {type(error).__name__}")
        else:
            yield parsed


def _chain(raw: bytes) -> tuple[bytes, ...]:
    found = chain_of(raw)
    return () if isinstance(found, Defect) else found


def _may(certificate: x509.Certificate, use: x509.ObjectIdentifier) -> bool:
    """Say whether its extensions permit the use (P6 §6.2.2); one without them is not restricted."""
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
        if not (usage.digital_signature and (usage.key_encipherment or usage.data_encipherment)):
            return False
    except x509.ExtensionNotFound:
        pass
    try:
        return use in certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return True


def _is_authority(issuer: x509.Certificate, depth: int) -> bool:
    """Say whether a certificate may issue others, `depth` of them between it and the leaf (RFC 5280 §4.2.1.9)."""
    try:
        basic = issuer.extensions.get_extension_for_class(x509.BasicConstraints).value
        usage = issuer.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return False
    return basic.ca and usage.key_cert_sign and (basic.path_length is None or depth <= basic.path_length)


def _is_current(crl: x509.CertificateRevocationList, moment: datetime) -> bool:
    """Say whether a list has not ended (RFC 5280 §5.1.2.5); one that names no end goes on."""
    return crl.next_update_utc is None or moment <= crl.next_update_utc


def _signed(crl: x509.CertificateRevocationList, issuer: x509.Certificate) -> bool:
    key = issuer.public_key()
    try:
        return isinstance(key, RSAPublicKey) and crl.is_signature_valid(key)
    except _BROKEN:
        return False


def _defect(code: str, text: str) -> Defect:
    return Defect(code, text, fatal=True, reply=STATUS[CODES[code]])


def _pin(certificate: x509.Certificate) -> str:
    return certificate.fingerprint(hashes.SHA256()).hex()


def _who(leaf: Certificate) -> str:
    return shown(leaf.uri or leaf.subject)


def _name(name: x509.Name) -> str:
    return shown(name.rfc4514_string())


def _moment(wall: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=wall // 1_000)
