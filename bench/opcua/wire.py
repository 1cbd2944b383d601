"""What server and load client of this benchmark share: certificates, the channel of a leg, times on the wire."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from icsguard.protocols.opcua.asymmetric import Identity
from icsguard.protocols.opcua.security import POLICIES, PolicyLaw, SecurityMode
from icsguard.protocols.opcua.times import ticks_of

BASIC: Final = "http://opcfoundation.org/UA/SecurityPolicy#Basic256Sha256"
NONE: Final = "http://opcfoundation.org/UA/SecurityPolicy#None"
NAMESPACE: Final = "urn:example:plant"
SECURITIES: Final = {
    "None": (NONE, SecurityMode.NONE),
    "Sign": (BASIC, SecurityMode.SIGN),
    "SignAndEncrypt": (BASIC, SecurityMode.SIGN_AND_ENCRYPT),
}


@dataclass(frozen=True, slots=True)
class Security:
    """Policy and mode of one leg."""

    policy: PolicyLaw
    mode: SecurityMode

    @classmethod
    def of(cls, name: str) -> Security:
        """Return the security of a name: None, Sign, SignAndEncrypt."""
        uri, mode = SECURITIES[name]
        return cls(POLICIES[uri], mode)


def now_ticks() -> int:
    """Return the present as it stands on the wire."""
    return ticks_of(time.clock_gettime_ns(time.CLOCK_REALTIME))


def nonce(policy: PolicyLaw) -> bytes:
    """Return a fresh nonce."""
    return os.urandom(policy.nonce or 32)


def write_identity(folder: Path, name: str) -> None:
    """Make an application certificate: NAME.der and NAME.pem, with the ApplicationUri urn:example:NAME."""
    key = rsa.generate_private_key(65537, 2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    start = datetime.fromtimestamp(time.clock_gettime(time.CLOCK_REALTIME), UTC) - timedelta(days=1)
    names = [x509.UniformResourceIdentifier(f"urn:example:{name}"), x509.DNSName("localhost")]
    usage = x509.KeyUsage(True, True, True, True, False, True, False, False, False)  # noqa: FBT003 - X.509's order
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([*names, x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(usage, critical=True)
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    )
    (folder / f"{name}.der").write_bytes(builder.sign(key, SHA256()).public_bytes(Encoding.DER))
    secret = folder / f"{name}.pem"
    secret.touch(0o600)
    secret.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def read_identity(folder: Path, name: str) -> Identity:
    """Return certificate and key of a name."""
    key = load_pem_private_key((folder / f"{name}.pem").read_bytes(), None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError(f"{name}.pem is no RSA key")
    return Identity((folder / f"{name}.der").read_bytes(), key)
