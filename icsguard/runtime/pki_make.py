"""Keys, certificates and revocation lists as OPC UA wants them (P6 §6.2.2): made here, kept by `pki_store`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

BITS: Final = 2_048
"""RSA keys of applications; 3072 and 4096 cost three and eight times as much at each OPN."""
AUTHORITY_BITS: Final = 3_072
AUTHORITY_DAYS: Final = 7_300
CRL_DAYS: Final = 3_650
"""An expired list still counts; this long nobody is warned of it."""
LEEWAY: Final = timedelta(hours=1)
"""Certificates begin so long before now: clocks of a plant differ."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a certificate names."""

    name: str
    """CommonName."""
    uri: str
    """ApplicationUri."""
    hosts: tuple[str, ...] = ()
    """DNS names and IP addresses by which it is reached."""


@dataclass(frozen=True, slots=True)
class Authority:
    """Who signs."""

    certificate: x509.Certificate
    key: RSAPrivateKey


def make_key(bits: int = BITS) -> RSAPrivateKey:
    """Return a new RSA key."""
    return rsa.generate_private_key(public_exponent=65_537, key_size=bits)


def make_authority(name: str, wall: int, *, days: int = AUTHORITY_DAYS, bits: int = AUTHORITY_BITS) -> Authority:
    """Return a new authority that signs itself. It may issue applications, no further authorities."""
    key = make_key(bits)
    common = _common(name)
    usage = _usage(signs_others=True)
    builder = _builder(common, common, key, wall, days)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(usage, critical=True)
    return Authority(builder.sign(key, hashes.SHA256()), key)


def issue(subject: Subject, authority: Authority | None, key: RSAPrivateKey, wall: int, days: int) -> x509.Certificate:
    """Return an application certificate of a key, signed by the authority, or by itself without one."""
    common = _common(subject.name)
    issuer = common if authority is None else authority.certificate.subject
    builder = _builder(common, issuer, key, wall, days)
    names: list[x509.GeneralName] = [x509.UniformResourceIdentifier(subject.uri)]
    names += [_general(host) for host in subject.hosts]
    builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_usage(signs_others=authority is None), critical=True)
    both = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    builder = builder.add_extension(x509.ExtendedKeyUsage(both), critical=False)
    signer = key if authority is None else authority.key
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    return builder.add_extension(identifier, critical=False).sign(signer, hashes.SHA256())


def make_crl(
    authority: Authority, revoked: Iterable[int], wall: int, *, number: int = 1, days: int = CRL_DAYS
) -> x509.CertificateRevocationList:
    """Return the authority's list of revoked serial numbers."""
    moment = _moment(wall)
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(authority.certificate.subject)
        .last_update(moment - LEEWAY)
        .next_update(moment + timedelta(days=days))
        .add_extension(x509.CRLNumber(number), critical=False)
    )
    for serial in sorted(set(revoked)):
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(moment)
        builder = builder.add_revoked_certificate(entry.build())
    return builder.sign(authority.key, hashes.SHA256())


def _builder(common: x509.Name, issuer: x509.Name, key: RSAPrivateKey, wall: int, days: int) -> x509.CertificateBuilder:
    moment = _moment(wall)
    builder = (
        x509.CertificateBuilder()
        .subject_name(common)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(moment - LEEWAY)
        .not_valid_after(moment + timedelta(days=days))
    )
    return builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)


def _common(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _general(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _usage(*, signs_others: bool) -> x509.KeyUsage:
    """Return what P6 §6.2.2 asks of applications; those that sign themselves carry certSign too."""
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=True,
        key_encipherment=True,
        data_encipherment=True,
        key_agreement=False,
        key_cert_sign=signs_others,
        crl_sign=signs_others,
        encipher_only=False,
        decipher_only=False,
    )


def _moment(wall: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=wall // 1_000)
