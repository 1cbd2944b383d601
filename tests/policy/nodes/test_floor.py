import pytest

from icsguard.policy.nodes.floor import channel_reasons, session_reasons
from icsguard.policy.nodes.identity import Identity
from icsguard.policy.nodes.rules import NodePolicy

BASE = "http://opcfoundation.org/UA/SecurityPolicy#"


def codes(reasons):
    return [reason.code for reason in reasons]


@pytest.mark.parametrize(
    ("policy", "mode", "told"),
    [
        ("Basic256Sha256", 3, []),
        ("Aes256_Sha256_RsaPss", 2, []),
        ("Basic256Sha256", 1, ["security-mode"]),
        ("None", 1, ["security-mode"]),
        ("Basic256", 3, ["security-policy"]),
        ("ECC_nistP256", 3, ["security-policy"]),
    ],
)
def test_a_channel_is_at_least_signed_by_a_known_policy(policy, mode, told):
    assert told == codes(channel_reasons(NodePolicy(), Identity("10.0.0.1", policy=BASE + policy, mode=mode)))


def test_no_policy_counts_as_none_and_passes_where_the_floor_says_so():
    assert [] == codes(channel_reasons(NodePolicy(mode=1), Identity("10.0.0.1")))
    narrow = NodePolicy(mode=1, security_policies=(f"{BASE}Basic256Sha256",))
    assert ["security-policy"] == codes(channel_reasons(narrow, Identity("10.0.0.1")))


@pytest.mark.parametrize(
    ("policy", "identity", "told"),
    [
        ({}, {}, ["anonymous"]),
        ({"anonymous": True}, {}, []),
        ({}, {"user": "anna", "mode": 3}, []),
        ({}, {"user": "anna"}, ["password-unsecured"]),
        ({}, {"token": "issued"}, ["password-unsecured"]),
        ({"passwords_unsecured": True}, {"user": "anna"}, []),
    ],
)
def test_who_names_nobody_or_shows_a_secret_in_the_open_is_not_admitted(policy, identity, told):
    assert told == codes(session_reasons(NodePolicy(**policy), Identity("10.0.0.1", **identity)))
