"""Signatures and secrets between two channels, each policy in turn."""

import pytest

from icsguard.conversation.opcua.credentials import NO_SIGNATURE, Proof, Resign, Secret, Signing, token_law
from icsguard.core.defect import Defect
from icsguard.protocols.opcua.asymmetric import signed, verified
from icsguard.protocols.opcua.certificates import certificate_of
from icsguard.protocols.opcua.security import NONE, POLICIES

SECURED = [law for law in POLICIES.values() if law.secures]
NONCE = bytes(range(32))


@pytest.fixture
def leaf(ids):
    return lambda name: certificate_of(ids[name].certificate)


@pytest.mark.parametrize("law", SECURED, ids=lambda law: law.name)
@pytest.mark.parametrize("password", [b"", b"secret", "Paßwort".encode(), b"x" * 300])
def test_a_password_arrives_encrypted_for_the_device_and_bound_to_its_nonce(ids, leaf, law, password):
    sent, algorithm = Secret(password, "", None, NONE, b"", leaf("gateway"), law, NONCE).carried()
    on = Secret(sent, algorithm, ids["gateway"].key, law, NONCE, leaf("device"), law, bytes(32)).carried()
    assert not isinstance(on, Defect)
    got = Secret(on[0], on[1], ids["device"].key, law, bytes(32), None, NONE, b"").carried()
    assert (password, None) == got


@pytest.mark.parametrize("law", SECURED, ids=lambda law: law.name)
def test_a_password_of_another_nonce_key_algorithm_or_length_is_refused(ids, leaf, law):
    blob, algorithm = Secret(b"secret", "", None, NONE, b"", leaf("gateway"), law, NONCE).carried()
    ours = ids["gateway"].key
    for wrong in (
        Secret(blob, algorithm, ours, law, bytes(32), None, NONE, b""),
        Secret(blob, algorithm, ids["device"].key, law, NONCE, None, NONE, b""),
        Secret(blob, "other", ours, law, NONCE, None, NONE, b""),
        Secret(blob[:-1], algorithm, ours, law, NONCE, None, NONE, b""),
        Secret(blob * 17, algorithm, ours, law, NONCE, None, NONE, b""),
        Secret(b"", algorithm, ours, law, NONCE, None, NONE, b""),
        Secret(b"secret", algorithm, None, NONE, NONCE, None, NONE, b""),
        Secret(b"secret", "", None, NONE, NONCE, None, law, b""),
    ):
        found = wrong.carried()
        assert isinstance(found, Defect)
        assert 0x80200000 == found.reply


def test_a_length_that_lies_is_refused(ids, leaf):
    from icsguard.conversation.opcua.credentials import _encrypted

    law = SECURED[0]
    algorithm = Secret(b"", "", None, NONE, b"", leaf("gateway"), law, NONCE).carried()[1]
    for framed in (b"\xff\xff\xff\xff", b"\0\0\0\0", (40).to_bytes(4, "little") + NONCE, b"abc"):
        blob = _encrypted(leaf("gateway"), law, framed)
        found = Secret(blob, algorithm, ids["gateway"].key, law, NONCE, None, NONE, b"").carried()
        assert isinstance(found, Defect)


@pytest.mark.parametrize("law", SECURED, ids=lambda law: law.name)
def test_a_proof_is_checked_before_anything_is_signed(ids, leaf, law):
    data = b"certificate and nonce"
    proof = Proof(leaf("client"), law, signed(ids["client"].key, law, data), data)
    signing = Signing(ids["gateway"], law, b"other data")
    made = Resign(proof, signing).run()
    assert verified(leaf("gateway").key, law, made.signature.signature, b"other data")
    assert made.signature.algorithm.startswith("http://")
    assert 0x80130000 == Resign(proof._replace(data=b"more"), signing).run().reply
    assert 0x80130000 == Resign(proof._replace(signature=b""), signing).run().reply


def test_what_needs_no_key_needs_no_thread(leaf):
    assert Resign(None, None).is_light
    assert NO_SIGNATURE == Resign(None, None).run().signature
    clear = Secret(b"secret", "", None, NONE, b"", None, NONE, b"")
    assert Resign(None, None, clear).is_light
    assert b"secret" == Resign(None, None, clear).run().secret
    assert not Resign(None, None, clear._replace(device_law=SECURED[0])).is_light


def test_a_secret_is_encrypted_by_its_token_policy_else_by_its_endpoint():
    assert NONE is token_law(None, NONE, dict(POLICIES))
    assert SECURED[0] is token_law("", SECURED[0], dict(POLICIES))
    assert SECURED[1] is token_law(SECURED[1].uri, NONE, dict(POLICIES))
    assert None is token_law("urn:unknown", NONE, dict(POLICIES))
