"""`icsguard pki` as an operator types it."""

import itertools
import json
import ssl

import pytest

from icsguard.runtime import pki_make, pki_work


@pytest.fixture(scope="module")
def keys():
    return [pki_make.make_key() for _ in range(3)]


@pytest.fixture(autouse=True)
def ready_made(monkeypatch, keys):
    """Keys from a drawer: making each anew would take most of the time of these tests."""
    drawer = itertools.cycle(keys)
    for module in (pki_make, pki_work):
        monkeypatch.setattr(module, "make_key", lambda bits=0: next(drawer))


@pytest.fixture
def pki(icsguard, tmp_path):
    """Run a command on a folder of its own."""

    def run(*words):
        return icsguard("pki", *words, "--pki", tmp_path / "pki")

    return run


@pytest.fixture
def ready(pki):
    pki("init", "--name", "plant")
    pki("issue", "gateway", "--uri", "urn:gate", "--host", "gate.plant", "--host", "10.0.0.9")
    return pki


def pins(pki):
    """Return folder and SHA-256 of what is there, by file."""
    return {(row["folder"], row["file"]): row["sha256"] for row in json.loads(pki("list", "--json").out)}


def test_an_authority_and_a_gateway_certificate_are_made_for_the_owner_alone(ready, tmp_path):
    assert {("own", "gateway.der"), ("ca", "ca.der"), ("trusted", "icsguard-ca.der")} == set(pins(ready))
    assert 0o600 == (tmp_path / "pki" / "own" / "gateway.pem").stat().st_mode & 0o777
    facts = json.loads(ready("show", "gateway", "--json").out)
    assert ("urn:gate", ["gate.plant", "10.0.0.9"], 2048) == (facts["uri"], facts["hosts"], facts["key_bits"])


def test_nothing_is_replaced_unasked(ready):
    ended = ready("issue", "gateway", "--uri", "urn:gate", "--host", "gate.plant")
    assert (1, True) == (ended.code, "--force" in ended.err)
    before = pins(ready)
    assert 0 == ready("issue", "gateway", "--uri", "urn:gate", "--host", "gate.plant", "--force").code
    assert before[("own", "gateway.der")] != pins(ready)[("own", "gateway.der")]
    assert 1 == ready("init").code


def test_a_peer_is_trusted_rejected_and_trusted_again(ready, tmp_path):
    peer = tmp_path / "peer.der"
    ready("issue", "peer", "--uri", "urn:peer", "--host", "peer", "--self-signed")
    ready("export", "peer", "--out", peer)
    pin = pins(ready)[("own", "peer.der")]
    assert 0 == ready("trust", peer).code
    assert pin == pins(ready)[("trusted", f"{pin}.der")]
    assert "rejected" in ready("reject", pin[:8]).out
    assert ("trusted", f"{pin}.der") not in pins(ready)
    assert ("rejected", f"{pin}.der") in pins(ready)
    ready("trust", pin)
    assert ("rejected", f"{pin}.der") not in pins(ready)


def test_a_certificate_of_our_authority_is_revoked_and_no_other(ready):
    ready("issue", "alone", "--uri", "urn:alone", "--host", "alone", "--self-signed")
    assert "revoked" in ready("crl", "--revoke", "gateway").out
    ended = ready("crl", "--revoke", "alone")
    assert (1, True) == (ended.code, "icsguard pki reject" in ended.err)
    assert 2 == ready("crl").code


def test_a_foreign_list_must_be_signed_by_somebody_known(ready, tmp_path, icsguard):
    other = tmp_path / "other"
    icsguard("pki", "init", "--pki", other)
    foreign = other / "trusted" / "icsguard-ca.crl"
    assert "signed by nobody" in ready("crl", "--take", foreign).err
    ready("trust", other / "ca" / "ca.der")
    assert "0 revoked" in ready("crl", "--take", foreign).out
    assert "no revocation list" in ready("crl", "--take", other / "ca" / "ca.der").err


def test_a_certificate_leaves_the_folder_and_a_key_never(ready, tmp_path):
    text = ready("export", "gateway").out
    assert ssl.PEM_cert_to_DER_cert(text) == (tmp_path / "pki" / "own" / "gateway.der").read_bytes()
    assert "PRIVATE" not in text


@pytest.mark.parametrize(
    ("words", "said", "code"),
    [
        (("show", "nobody"), "icsguard pki list", 1),
        (("issue", "../x", "--uri", "urn:x", "--host", "x"), "is no name", 2),
        (("issue", "x", "--uri", "urn:x", "--host", "bücher"), "no certificate can say that", 2),
        (("issue", "x", "--uri", "urn:x", "--host", "x", "--days", "3650"), "", 0),
    ],
)
def test_what_cannot_be_done_says_so(ready, words, said, code):
    ended = ready(*words)
    assert (code, True) == (ended.code, said in ended.err), ended.err


def test_without_a_folder_the_configuration_says_where_it_is(icsguard, tmp_path):
    path = tmp_path / "icsguard.toml"
    path.write_text(
        '[gateway]\nstate = "state"\n[conduit.mixer]\nprotocol = "opcua"\nlisten = "127.0.0.1:14840"\n'
        'device = "10.0.0.1:4840"\n'
    )
    assert 0 == icsguard("pki", "init", "-c", path).code
    assert (tmp_path / "state" / "pki" / "ca" / "ca.pem").exists()


@pytest.mark.parametrize("server", ["here", "http://plc:80", "plc:0", "plc:70000"])
def test_what_is_no_server_is_not_asked(icsguard, server):
    assert 2 == icsguard("pki", "pin", server).code


def test_a_server_that_does_not_answer_is_told(icsguard):
    ended = icsguard("pki", "pin", "127.0.0.1:9")
    assert (1, True) == (ended.code, "refused" in ended.err)
