"""Application certificates for the lab: self-signed, one for each side, in a folder of their own.

The demo and the tests of real peers use them. A plant has them from `icsguard pki` or from its own authority.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from icsguard.core.clock import SECOND
from icsguard.runtime.clock import Clock

DAYS: Final = 30
_USES: Final = (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH)


def uri_of(name: str) -> str:
    """Return the ApplicationUri of a side."""
    return f"urn:example:{name}"


def make_keys(folder: Path, name: str) -> None:
    """Write NAME.der (certificate), NAME.crt (the same as PEM) and NAME.pem (its key, for this user alone)."""
    key = rsa.generate_private_key(65537, 2048)
    certificate = _certificate(key, name)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / f"{name}.der").write_bytes(certificate.public_bytes(Encoding.DER))
    (folder / f"{name}.crt").write_bytes(certificate.public_bytes(Encoding.PEM))
    secret = folder / f"{name}.pem"
    secret.touch(0o600)
    secret.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def _certificate(key: rsa.RSAPrivateKey, name: str) -> x509.Certificate:
    clock = Clock()
    start = datetime.fromtimestamp((clock.now() + clock.wall_shift()) // SECOND, tz=UTC) - timedelta(days=1)
    subject = x509.Name(
        [x509.NameAttribute(NameOID.COMMON_NAME, name), x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Example")]
    )
    names = [
        x509.UniformResourceIdentifier(uri_of(name)),
        x509.DNSName("localhost"),
        x509.IPAddress(ip_address("127.0.0.1")),
    ]
    public = key.public_key()
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=DAYS))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(_usage(), critical=True)
        .add_extension(x509.ExtendedKeyUsage(_USES), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(public), critical=False)
    )
    return builder.sign(key, SHA256())


def _usage() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=True,
        key_encipherment=True,
        data_encipherment=True,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
