"""The table of policies."""

from icsguard.protocols.opcua.security import DEPRECATED, NONE, POLICIES, SecurityMode, modes_of


def test_only_none_secures_nothing():
    assert ["None"] == [law.name for law in POLICIES.values() if not law.secures]


def test_a_policy_is_found_by_its_uri():
    assert {uri: uri for uri in POLICIES} == {uri: law.uri for uri, law in POLICIES.items()}


def test_none_has_its_own_mode_and_no_other_policy_has_it():
    assert {SecurityMode.NONE} == modes_of(NONE)
    assert {SecurityMode.SIGN, SecurityMode.SIGN_AND_ENCRYPT} == modes_of(
        POLICIES["http://opcfoundation.org/UA/SecurityPolicy#Basic256Sha256"]
    )


def test_no_deprecated_policy_is_a_policy():
    assert not DEPRECATED & set(POLICIES)
