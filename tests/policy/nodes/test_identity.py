import pytest

from icsguard.policy.nodes.identity import MAX_KNOWN, Identity, Members
from icsguard.policy.nodes.rules import IdentityGroup

PIN = "ab" * 32


def members(ua, **parts):
    return Members(ua.policy(), (IdentityGroup("who", **parts),))


WHO = Identity("10.0.0.21", "urn:hmi", PIN, "anna", "", 3)


@pytest.mark.parametrize(
    ("parts", "stranger"),
    [
        ({"clients": ("hmi",)}, WHO._replace(address="10.9.9.9")),
        ({"applications": ("urn:hmi",)}, WHO._replace(uri="urn:other")),
        ({"certificates": (PIN,)}, WHO._replace(certificate="cd" * 32)),
        ({"users": ("anna", "ben")}, WHO._replace(user="eve")),
        ({"users": ("anna",)}, WHO._replace(user="", token="anonymous")),
        ({"mode": 3}, WHO._replace(mode=2)),
        ({"users": ("anna",), "certificates": (PIN,)}, WHO._replace(certificate="")),
    ],
)
def test_every_part_that_is_named_must_match(ua, parts, stranger):
    found = members(ua, **parts)
    assert "who" in found.of(WHO)
    assert "who" not in found.of(stranger)


def test_an_anonymous_session_is_a_user_of_its_own_and_a_token_without_a_name_is_none(ua):
    found = members(ua, users=("",))
    assert "who" in found.of(WHO._replace(user=""))
    assert "who" not in found.of(WHO._replace(user="", token="certificate"))
    assert not WHO.is_anonymous


def test_groups_of_addresses_hold_for_whoever_comes_from_there(ua):
    assert {"hmi"} == set(members(ua, users=("ben",)).of(WHO))
    assert {"hmi"} == set(members(ua).address("10.0.0.21"))


def test_what_is_remembered_is_bounded(ua):
    found = members(ua)
    for number in range(MAX_KNOWN + 5):
        found.of(WHO._replace(user=str(number)))
    assert len(found._known) <= MAX_KNOWN


def test_a_peers_own_texts_are_escaped():
    assert "\x1b" not in Identity("10.0.0.1", "urn:\x1b[2J", user="eve\n").text
