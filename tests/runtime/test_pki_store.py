"""The folder of certificates: rights, what is read, and that a change is felt."""

import os

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from icsguard.runtime import pki_store
from icsguard.runtime.pki_make import Subject, issue, make_authority, make_crl, make_key
from icsguard.runtime.pki_store import PkiError

WALL = 1_794_800_000 * 1_000_000_000
URI = "urn:gate"


@pytest.fixture(scope="module")
def key():
    return make_key()


@pytest.fixture(scope="module")
def made(key):
    return issue(Subject("gate", URI), None, key, WALL, 30)


@pytest.fixture
def folder(tmp_path):
    pki_store.prepare(tmp_path / "pki")
    return tmp_path / "pki"


def der(thing):
    return thing.public_bytes(Encoding.DER)


def test_folders_and_keys_are_for_the_owner_alone(folder, key, made):
    pki_store.put_key(folder / "own" / "gate.pem", key)
    assert {0o700} == {path.stat().st_mode & 0o777 for path in (folder, *folder.iterdir())}
    assert 0o600 == (folder / "own" / "gate.pem").stat().st_mode & 0o777


def test_our_own_certificate_comes_with_its_key(folder, key, made):
    pki_store.put(folder / "own" / "gate.der", der(made))
    pki_store.put_key(folder / "own" / "gate.pem", key)
    found = pki_store.own(folder, "gate")
    assert (der(made), URI) == (found.certificate, found.leaf.uri)
    assert key.private_numbers() == found.key.private_numbers()


def test_a_key_that_others_can_read_is_not_used(folder, key, made):
    pki_store.put(folder / "own" / "gate.der", der(made))
    pki_store.put_key(folder / "own" / "gate.pem", key)
    (folder / "own" / "gate.pem").chmod(0o640)
    with pytest.raises(PkiError, match="chmod 600"):
        pki_store.own(folder, "gate")


def test_what_is_missing_or_does_not_fit_is_told_with_what_to_do(folder, made):
    with pytest.raises(PkiError, match="icsguard pki issue gate makes it"):
        pki_store.own(folder, "gate")
    pki_store.put(folder / "own" / "gate.der", der(made))
    pki_store.put_key(folder / "own" / "gate.pem", make_key())
    with pytest.raises(PkiError, match="is not the key of"):
        pki_store.own(folder, "gate")
    pki_store.put(folder / "own" / "gate.pem", b"nothing", 0o600)
    with pytest.raises(PkiError, match="no unencrypted private key"):
        pki_store.own(folder, "gate")


@pytest.mark.parametrize("suffix", [".der", ".crt", ".pem"])
def test_a_certificate_in_the_trusted_folder_is_trusted_in_either_form(folder, made, suffix):
    raw = made.public_bytes(Encoding.PEM if suffix == ".pem" else Encoding.DER)
    assert None is not pki_store.load(folder).client(der(made), URI, WALL)
    pki_store.put(folder / "trusted" / f"gate{suffix}", raw)
    assert None is pki_store.load(folder).client(der(made), URI, WALL)


def test_lists_beside_the_authority_revoke(folder, key):
    ca = make_authority("plant", WALL, bits=2048)
    leaf = issue(Subject("scada", URI), ca, key, WALL, 30)
    pki_store.put(folder / "trusted" / "ca.der", der(ca.certificate))
    pki_store.put(folder / "trusted" / "ca.crl", make_crl(ca, [], WALL).public_bytes(Encoding.PEM))
    assert None is pki_store.load(folder).client(der(leaf), URI, WALL)
    pki_store.put(folder / "trusted" / "ca.crl", der(make_crl(ca, [leaf.serial_number], WALL)))
    assert "certificate-revoked" == pki_store.load(folder).client(der(leaf), URI, WALL).code


def test_every_change_is_felt_by_the_stamp(folder, made):
    stamps = [pki_store.stamp(folder)]
    path = folder / "trusted" / "gate.der"
    pki_store.put(path, der(made))
    stamps.append(pki_store.stamp(folder))
    os.utime(path, ns=(1, 1))
    stamps.append(pki_store.stamp(folder))
    path.unlink()
    stamps.append(pki_store.stamp(folder))
    assert stamps[0] == stamps[3]
    assert 3 == len(set(stamps))


def test_a_folder_that_is_not_there_trusts_nobody(tmp_path, made):
    gone = tmp_path / "gone"
    assert () == pki_store.stamp(gone)
    assert None is not pki_store.load(gone).client(der(made), URI, WALL)


def test_what_an_unknown_peer_showed_waits_for_a_decision_and_decides_nothing(folder, made):
    path = pki_store.keep_rejected(folder, der(made))
    assert path is not None
    assert None is pki_store.keep_rejected(folder, der(made))
    assert None is pki_store.keep_rejected(folder, b"nothing")
    assert [path] == [found.path for found in pki_store.seen(folder)]
    assert "certificate-untrusted" == pki_store.load(folder).client(der(made), URI, WALL).code
    path.rename(path.with_suffix(".der"))
    assert "certificate-rejected" == pki_store.load(folder).client(der(made), URI, WALL).code
    assert None is pki_store.keep_rejected(folder, der(made))


def test_what_was_shown_is_kept_within_a_bound(folder, made, monkeypatch):
    monkeypatch.setattr(pki_store, "MAX_REJECTED", 0)
    assert None is pki_store.keep_rejected(folder, der(made))


def test_every_certificate_of_the_folder_is_listed(folder, key, made):
    pki_store.put(folder / "own" / "gate.der", der(made))
    pki_store.put_key(folder / "own" / "gate.pem", key)
    pki_store.put(folder / "trusted" / "peer.der", der(made))
    pki_store.put(folder / "trusted" / "broken.der", b"nothing")
    assert [("own", "gate.der"), ("trusted", "peer.der")] == [
        (found.folder, found.path.name) for found in pki_store.listed(folder)
    ]
