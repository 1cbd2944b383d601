"""What is made is what OPC UA asks of applications (P6 §6.2.2)."""

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from icsguard.core.clock import DAY
from icsguard.protocols.opcua.certificates import certificate_of
from icsguard.runtime.pki_make import Subject, issue, make_authority, make_crl, make_key

WALL = 1_794_800_000 * 1_000_000_000


@pytest.fixture(scope="module")
def authority():
    return make_authority("plant", WALL, bits=2048)


@pytest.fixture(scope="module")
def key():
    return make_key()


def test_an_application_certificate_names_uri_hosts_and_uses(authority, key):
    subject = Subject("gate", "urn:gate", ("gate.plant", "10.0.0.2", "fe80::1"))
    made = issue(subject, authority, key, WALL, 30)
    found = certificate_of(made.public_bytes(Encoding.DER))
    assert ("urn:gate", ("gate.plant", "10.0.0.2", "fe80::1"), "CN=gate") == (found.uri, found.hosts, found.subject)
    assert WALL + 30 * DAY == found.not_after
    usage = made.extensions.get_extension_for_class(x509.KeyUsage).value
    assert (True, True, True, True, False) == (
        usage.digital_signature,
        usage.content_commitment,
        usage.key_encipherment,
        usage.data_encipherment,
        usage.key_cert_sign,
    )
    uses = made.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH} == set(uses)
    assert not made.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    made.verify_directly_issued_by(authority.certificate)


def test_without_an_authority_a_certificate_signs_itself(key):
    made = issue(Subject("gate", "urn:gate"), None, key, WALL, 30)
    made.verify_directly_issued_by(made)
    assert made.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign


def test_an_authority_issues_applications_and_no_authorities(authority):
    basic = authority.certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert (True, 0) == (basic.ca, basic.path_length)


def test_a_list_holds_each_revoked_serial_once(authority):
    crl = make_crl(authority, [5, 3, 5], WALL, number=2)
    assert [3, 5] == [entry.serial_number for entry in crl]
    assert crl.is_signature_valid(authority.key.public_key())
    assert 2 == crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
