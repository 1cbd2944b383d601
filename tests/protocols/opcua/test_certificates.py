"""Certificates: chains are bounded before anything is parsed."""

import runpy
from pathlib import Path

import pytest

from icsguard.core.clock import DAY
from icsguard.protocols.opcua.certificates import MAX_CHAIN, MAX_NAMES, certificate_of, chain_of, thumbprint

identity = runpy.run_path(str(Path(__file__).parent / "conftest.py"))["identity"]
DER = b"\x30\x03\x02\x01"


def test_the_leaf_is_told_with_names_key_and_period(identities):
    raw = identities["client"].certificate
    found = certificate_of(raw)
    assert ("urn:client", ("localhost",), "CN=client", 256) == (found.uri, found.hosts, found.subject, found.key_bytes)
    assert found.not_after - found.not_before == 30 * DAY
    assert [True, False] == [found.is_valid(found.not_before), found.is_valid(found.not_after + 1)]
    assert (20, 64) == (len(thumbprint(found.der)), len(found.pin))


def test_the_leaf_of_a_chain_counts(identities):
    leaf, issuer = identities["client"].certificate, identities["server"].certificate
    assert leaf == certificate_of(leaf + issuer).der
    assert (leaf, issuer) == chain_of(leaf + issuer)


def test_a_chain_that_loops_or_is_too_long_is_refused(identities):
    leaf = identities["client"].certificate
    assert "channel-certificate" == chain_of(leaf * 2).code
    long = b"".join(b"\x30\x01" + bytes([number]) for number in range(MAX_CHAIN + 1))
    assert "channel-certificate" == chain_of(long).code


@pytest.mark.parametrize(
    "raw",
    [
        None,
        b"",
        b"0",
        b"x" * 99,
        b"\x30\x80",
        b"\x30\x85\1\1\1\1\1",
        b"\x30\x82\xff\xff" + bytes(99),
        b"\x30\x82\0",
        DER,
    ],
)
def test_bytes_that_are_no_certificate_are_a_defect(raw):
    assert "channel-certificate" == certificate_of(raw).code


def test_a_broken_leaf_is_a_defect(identities):
    raw = identities["client"].certificate
    for place in (10, 40, 200, 400):
        found = certificate_of(raw[:place] + b"\xff" * 6 + raw[place + 6 :])
        assert "channel-certificate" == getattr(found, "code", "channel-certificate")


def test_a_short_key_is_refused():
    assert "channel-certificate" == certificate_of(identity(bits=1024).certificate).code


def test_a_certificate_without_names_has_none():
    found = certificate_of(identity(uri="").certificate)
    assert ("", ()) == (found.uri, found.hosts)


def test_only_so_many_names_count():
    hosts = tuple(f"h{number}" for number in range(MAX_NAMES + 9))
    assert hosts[:MAX_NAMES] == certificate_of(identity(hosts=hosts).certificate).hosts
