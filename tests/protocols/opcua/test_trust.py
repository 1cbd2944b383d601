"""Trust lists, issuers and revocation lists: who is believed, and why not."""

import random
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from icsguard.core.clock import DAY, HOUR
from icsguard.protocols.opcua.certificates import certificate_of
from icsguard.protocols.opcua.status import STATUS
from icsguard.protocols.opcua.trust import CODES, MAX_CRLS, MAX_TRUSTED, Expiry, Trust, expiry_of, list_expiry
from icsguard.runtime.pki_make import Authority, Subject, issue, make_authority, make_crl, make_key

WALL = 1_794_800_000 * 1_000_000_000
URI = "urn:plant:scada"


def der(thing) -> bytes:
    return thing.public_bytes(Encoding.DER)


class Plant:
    """An authority, a certificate of each kind, and what else tests need."""

    def __init__(self):
        self.key = make_key()
        self.ca = make_authority("plant", WALL, bits=2048)
        self.other = make_authority("elsewhere", WALL, bits=2048)
        self.alone = issue(Subject("alone", URI, ("localhost", "127.0.0.1")), None, self.key, WALL, 30)
        self.issued = issue(Subject("scada", URI), self.ca, self.key, WALL, 30)
        self.root = der(self.ca.certificate)
        self.crl = der(make_crl(self.ca, [], WALL))

    def crafted(self, *extensions, days=30, algorithm=None, issuer: Authority | None = None) -> bytes:
        """Return a certificate with extensions of choice, signed by the authority."""
        issuer = issuer or self.ca
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=WALL // 1_000)
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "crafted")]))
            .issuer_name(issuer.certificate.subject)
            .public_key(self.key.public_key())
            .serial_number(77)
            .not_valid_before(moment)
            .not_valid_after(moment + timedelta(days=days))
        )
        for extension in extensions:
            builder = builder.add_extension(extension, critical=False)
        return der(builder.sign(issuer.key, algorithm or hashes.SHA256()))


@pytest.fixture(scope="module")
def plant():
    return Plant()


def code(found) -> str:
    return "" if found is None else found.code


def test_a_certificate_in_the_list_is_trusted_as_itself(plant):
    trust = Trust.of([der(plant.alone)])
    assert None is trust.client(der(plant.alone), URI, WALL)
    assert None is trust.client(der(plant.alone), "", WALL)
    assert None is trust.server(der(plant.alone), WALL)
    assert () == trust.faults


def test_nobody_is_trusted_by_an_empty_list(plant):
    for shown in (plant.alone, plant.issued):
        found = Trust.of().client(der(shown), URI, WALL)
        assert found.fatal
    assert "certificate-untrusted" == code(Trust.of().client(der(plant.alone), URI, WALL))
    assert "certificate-chain" == code(Trust.of().client(der(plant.issued), URI, WALL))
    assert STATUS["BadCertificateChainIncomplete"] == found.reply


def test_a_trusted_authority_makes_those_trusted_whom_it_issued(plant):
    trust = Trust.of([plant.root], crls=[plant.crl])
    assert None is trust.client(der(plant.issued), URI, WALL)
    assert "certificate-untrusted" == code(trust.client(der(plant.alone), URI, WALL))


def test_an_issuer_that_is_not_trusted_only_completes_a_chain(plant):
    trust = Trust.of([], [plant.root], crls=[plant.crl])
    assert "certificate-untrusted" == code(trust.client(der(plant.issued), URI, WALL))


def test_a_chain_that_the_peer_sends_is_walked_and_trusted_for_nothing(plant):
    sent = der(plant.issued) + plant.root
    assert None is Trust.of([plant.root], crls=[plant.crl]).client(sent, URI, WALL)
    assert "certificate-untrusted" == code(Trust.of(crls=[plant.crl]).client(sent, URI, WALL))


def test_an_authority_without_a_revocation_list_vouches_for_nobody(plant):
    assert "certificate-revocation-unknown" == code(Trust.of([plant.root]).client(der(plant.issued), URI, WALL))
    forged = der(make_crl(Authority(plant.ca.certificate, plant.other.key), [], WALL))
    found = Trust.of([plant.root], crls=[forged]).client(der(plant.issued), URI, WALL)
    assert "certificate-revocation-unknown" == code(found)
    assert None is Trust.of([der(plant.issued)], [plant.root]).client(der(plant.issued), URI, WALL)


def test_a_revoked_certificate_is_believed_no_more_even_if_it_is_listed(plant):
    gone = der(make_crl(plant.ca, [plant.issued.serial_number], WALL))
    for trusted in ([plant.root], [plant.root, der(plant.issued)]):
        found = Trust.of(trusted, crls=[gone]).client(der(plant.issued), URI, WALL)
        assert ("certificate-revoked", STATUS["BadCertificateRevoked"]) == (found.code, found.reply)


def test_a_list_that_has_ended_revokes_still_but_vouches_for_nobody(plant):
    later = WALL + 8 * DAY
    old = der(make_crl(plant.ca, [], WALL, days=7))
    trust = Trust.of([plant.root], crls=[old])
    assert [None, "certificate-revocation-unknown"] == [
        found and found.code for found in (trust.client(der(plant.issued), URI, wall) for wall in (WALL, later))
    ]
    assert "every revocation list has ended" in trust.client(der(plant.issued), URI, later).text
    assert None is Trust.of([plant.root], crls=[old, plant.crl]).client(der(plant.issued), URI, later)
    assert None is Trust.of([der(plant.issued)], [plant.root], crls=[old]).client(der(plant.issued), URI, later)
    gone = der(make_crl(plant.ca, [plant.issued.serial_number], WALL, days=7))
    found = Trust.of([plant.root], crls=[gone, plant.crl]).client(der(plant.issued), URI, later)
    assert "certificate-revoked" == code(found)


@pytest.mark.parametrize(("days", "expected"), [(90, (90, -1)), (20, (20, 30)), (3, (3, 7)), (-1, (-1, 0))])
def test_a_list_is_warned_of_before_its_end(plant, days, expected):
    raw = der(make_crl(plant.ca, [], WALL, days=200))
    assert expected == list_expiry(raw, WALL + (200 - days) * DAY)
    assert None is list_expiry(b"no list", WALL)


def test_who_was_rejected_stays_so_whoever_issued_it(plant):
    trust = Trust.of([plant.root, der(plant.issued)], crls=[plant.crl], rejected=[der(plant.issued)])
    assert "certificate-rejected" == code(trust.client(der(plant.issued), URI, WALL))


@pytest.mark.parametrize(
    ("wall", "expected"), [(-2 * HOUR, "certificate-time"), (31 * DAY, "certificate-time"), (0, "")]
)
def test_a_certificate_holds_in_its_period_alone(plant, wall, expected):
    assert expected == code(Trust.of([der(plant.alone)]).client(der(plant.alone), URI, WALL + wall))


def test_an_issuer_that_has_ended_vouches_for_nobody(plant):
    short = make_authority("short", WALL, days=1, bits=2048)
    leaf = issue(Subject("scada", URI), short, plant.key, WALL, 30)
    trust = Trust.of([der(short.certificate)], crls=[der(make_crl(short, [], WALL))])
    assert None is trust.client(der(leaf), URI, WALL)
    assert "certificate-issuer-time" == code(trust.client(der(leaf), URI, WALL + 2 * DAY))


def test_an_application_that_says_another_name_is_refused(plant):
    found = Trust.of([der(plant.alone)]).client(der(plant.alone), "urn:other", WALL)
    assert ("certificate-uri", STATUS["BadCertificateUriInvalid"]) == (found.code, found.reply)


def test_an_application_may_not_issue_others(plant):
    claimed = Authority(plant.alone, plant.key)
    child = issue(Subject("child", "urn:child"), claimed, make_key(), WALL, 30)
    trust = Trust.of([der(plant.alone)])
    assert "certificate-issuer-use" == code(trust.client(der(child), "urn:child", WALL))


def test_a_name_borrowed_from_the_authority_is_not_its_signature(plant):
    fake = make_authority("plant", WALL, bits=2048)
    forged = issue(Subject("scada", URI), fake, plant.key, WALL, 30)
    trust = Trust.of([plant.root], crls=[plant.crl])
    assert "certificate-chain" == code(trust.client(der(forged), URI, WALL))
    assert "certificate-untrusted" == code(trust.client(der(fake.certificate), "", WALL))


def usage(**more):
    names = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
    rest = {"key_cert_sign": False, "crl_sign": False, "encipher_only": False, "decipher_only": False}
    return x509.KeyUsage(**{name: more.get(name, False) for name in names}, **rest)


@pytest.mark.parametrize(
    ("extension", "client", "server"),
    [
        (usage(digital_signature=True, key_encipherment=True), "", ""),
        (usage(digital_signature=True, data_encipherment=True), "", ""),
        (usage(digital_signature=True), "certificate-use", "certificate-use"),
        (usage(key_encipherment=True), "certificate-use", "certificate-use"),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), "", "certificate-use"),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), "certificate-use", ""),
    ],
)
def test_a_certificate_is_used_for_what_it_was_made(plant, extension, client, server):
    raw = plant.crafted(extension)
    trust = Trust.of([plant.root], crls=[plant.crl])
    assert (client, server) == (code(trust.client(raw, "", WALL)), code(trust.server(raw, WALL)))


def test_a_pin_takes_one_server_and_no_other_and_ends_with_its_life(plant):
    pin = certificate_of(der(plant.alone)).pin
    trust = Trust.of([der(plant.issued)], [plant.root], server_pin=pin)
    assert None is trust.server(der(plant.alone), WALL)
    assert "certificate-pin" == code(trust.server(der(plant.issued), WALL))
    assert "certificate-time" == code(trust.server(der(plant.alone), WALL + 31 * DAY))
    assert "certificate-untrusted" == code(trust.client(der(plant.alone), URI, WALL))


@pytest.mark.parametrize("raw", [b"", b"x", b"\x30\x03\x02\x01\x01"])
def test_bytes_that_are_no_certificate_are_not_trusted(raw):
    assert "certificate-unreadable" == code(Trust.of([raw]).client(raw, "", WALL))
    assert Trust.of([raw], [raw], crls=[raw]).faults


def test_what_is_beyond_the_bounds_is_told_and_not_taken(plant):
    trust = Trust.of([plant.root] * (MAX_TRUSTED + 1), crls=[plant.crl] * (MAX_CRLS + 1))
    assert 2 == len(trust.faults)


def test_every_code_has_its_status():
    assert all(STATUS[name] for name in CODES.values())


@pytest.mark.parametrize(
    ("after_days", "expected"),
    [(-31, (61, -1)), (-30, (60, -1)), (-29, (59, 60)), (1, (29, 30)), (24, (6, 7)), (31, (-1, 0))],
)
def test_the_end_of_a_certificate_is_warned_of_in_three_steps(plant, after_days, expected):
    assert Expiry(*expected) == expiry_of(certificate_of(der(plant.alone)), WALL + after_days * DAY)


def test_an_issuer_without_the_extensions_of_one_may_not_issue(plant):
    bare = x509.load_der_x509_certificate(plant.crafted())
    claimed = Authority(bare, plant.key)
    child = issue(Subject("child", "urn:child"), claimed, make_key(), WALL, 30)
    trust = Trust.of([der(bare)], [plant.root], crls=[plant.crl])
    assert "certificate-issuer-use" == code(trust.client(der(child), "urn:child", WALL))


def test_of_two_issuers_of_one_name_the_one_that_signed_counts(plant):
    twin = make_authority("plant", WALL, bits=2048)
    trust = Trust.of([der(twin.certificate), plant.root], crls=[plant.crl, der(make_crl(twin, [], WALL))])
    assert None is trust.client(der(plant.issued), URI, WALL)


def test_a_broken_key_in_a_chain_is_no_certificate(plant, monkeypatch):
    def refuse(_raw):
        raise ValueError("no")

    raw = der(plant.alone)
    parsed = certificate_of(raw)
    monkeypatch.setattr("icsguard.protocols.opcua.trust.certificate_of", lambda _raw: parsed)
    monkeypatch.setattr(x509, "load_der_x509_certificate", refuse)
    trust = Trust.of([raw])
    assert trust.faults
    assert "certificate-unreadable" == code(trust.client(raw, URI, WALL))


def test_a_signature_over_a_broken_digest_is_weak(plant, monkeypatch):
    monkeypatch.setattr("icsguard.protocols.opcua.trust.hashes.SHA1", hashes.SHA256)  # nobody signs with SHA-1 any more
    trust = Trust.of([der(plant.alone)])
    assert "certificate-weak" == code(trust.client(der(plant.alone), URI, WALL))


def test_no_bytes_of_a_stranger_raise(plant):
    rng = random.Random(7)
    trust = Trust.of([plant.root, der(plant.alone)], crls=[plant.crl])
    chain = der(plant.issued) + plant.root
    for _ in range(400):
        raw = bytearray(chain)
        for _ in range(rng.randint(1, 4)):
            raw[rng.randrange(len(raw))] = rng.randrange(256)
        found = trust.client(bytes(raw[: rng.randint(0, len(raw))] if rng.random() < 0.3 else raw), URI, WALL)
        assert found is None or found.code in CODES
        crl = bytearray(plant.crl)
        crl[rng.randrange(len(crl))] = rng.randrange(256)
        Trust.of([bytes(raw)], [bytes(raw)], crls=[bytes(raw), bytes(crl)]).client(chain, URI, WALL)


def test_a_list_of_nobody_is_empty():
    assert Trust.of().is_empty
    assert not Trust.of(server_pin="00").is_empty
