"""Verbs on the folder of certificates, and the warnings before one ends."""

import itertools

import pytest

from icsguard.core.clock import DAY
from icsguard.runtime import pki_make, pki_store, pki_work
from icsguard.runtime.pki_make import Subject
from icsguard.runtime.pki_store import PkiError

WALL = 1_794_800_000 * 1_000_000_000


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
def folder(tmp_path):
    pki_work.begin(tmp_path / "pki", "plant", WALL)
    return tmp_path / "pki"


def test_what_the_own_authority_issues_is_trusted_until_it_is_revoked(folder):
    made = pki_work.give(folder, "scada", Subject("scada", "urn:scada"), WALL, days=30)
    assert None is pki_store.load(folder).client(made.der, "urn:scada", WALL)
    pki_work.revoke(folder, "scada", WALL)
    assert "certificate-revoked" == pki_store.load(folder).client(made.der, "urn:scada", WALL).code
    other = pki_work.give(folder, "other", Subject("other", "urn:other"), WALL, days=30)
    pki_work.revoke(folder, "other", WALL)
    trust = pki_store.load(folder)
    assert ["certificate-revoked"] * 2 == [trust.client(one.der, "", WALL).code for one in (made, other)]


def test_who_was_revoked_is_not_forgotten_with_a_broken_list(folder):
    pki_work.give(folder, "scada", Subject("scada", "urn:scada"), WALL, days=30)
    pki_store.put(folder / "trusted" / "icsguard-ca.crl", b"broken")
    with pytest.raises(PkiError, match="who was revoked stands only there"):
        pki_work.revoke(folder, "scada", WALL)


def test_nothing_outlives_the_authority(tmp_path):
    pki_work.begin(tmp_path, "plant", WALL, days=30)
    with pytest.raises(PkiError, match="longer than the authority's own life"):
        pki_work.give(tmp_path, "scada", Subject("scada", "urn:scada"), WALL, days=31)


def test_a_pin_that_names_two_or_none_is_not_guessed(folder):
    pki_work.give(folder, "scada", Subject("scada", "urn:scada"), WALL, days=30)
    pin = pki_work.find(folder, "scada").certificate.pin
    assert pin == pki_work.find(folder, pin[:8].upper()).certificate.pin
    for who in (pin[:7], "", "none"):
        with pytest.raises(PkiError, match="no certificate"):
            pki_work.find(folder, who)


def test_what_ends_soon_is_warned_of_the_most_urgent_first(folder):
    for name, days in (("week", 5), ("month", 25), ("later", 59), ("fine", 90), ("gone", 1)):
        pki_work.give(folder, name, Subject(name, f"urn:{name}"), WALL, days=days)
    found = pki_work.ending(folder, WALL + 2 * DAY)
    assert [("own/gone.der", 0), ("own/week.der", 7), ("own/month.der", 30), ("own/later.der", 60)] == [
        (one.where, one.level) for one in found
    ]
    assert "has ended" in pki_work.ending_text(found[0])
    assert "in 3 days" in pki_work.ending_text(found[1])


def test_a_revocation_list_that_ends_is_warned_of(folder):
    found = pki_work.ending(folder, WALL + 3_645 * DAY)
    (one,) = [one for one in found if one.is_list]
    assert (f"trusted/{pki_work.AUTHORITY}.crl", 7) == (one.where, one.level)
    assert "revocation list trusted/icsguard-ca.crl ends in" in pki_work.ending_text(one)
    (ended,) = [one for one in pki_work.ending(folder, WALL + 3_651 * DAY) if one.is_list]
    assert "has ended: everybody whom its authority issued is refused" in pki_work.ending_text(ended)


def test_a_folder_without_an_authority_says_how_to_make_one(tmp_path):
    pki_store.prepare(tmp_path)
    with pytest.raises(PkiError, match="icsguard pki init"):
        pki_work.authority(tmp_path)
