"""Signed and encrypted chunks: what one end seals the other reads, and no changed byte passes."""

import pytest

from icsguard.protocols.opcua.security import POLICIES, SecurityMode
from icsguard.protocols.opcua.symmetric import Keys, Plain, derived, overhead, pseudo_random, seal, unseal

POLICY = {law.name: law for law in POLICIES.values()}
KEYS = derived(POLICY["Basic256Sha256"], b"s" * 32, b"c" * 32)
HEAD = b"MSGF" + bytes(4) + (7).to_bytes(4, "little") + (9).to_bytes(4, "little")
MODES = list(SecurityMode)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("size", [*range(33), 1000])
def test_a_chunk_is_read_as_it_was_sealed(mode, size):
    plain = Plain(5, 6, b"x" * size)
    raw = seal(HEAD, plain, mode, KEYS)
    assert len(raw) == int.from_bytes(raw[4:8], "little") <= 24 + size + overhead(mode)
    assert plain == unseal(raw, mode, KEYS)


@pytest.mark.parametrize("mode", [SecurityMode.SIGN, SecurityMode.SIGN_AND_ENCRYPT])
def test_no_changed_byte_passes(mode):
    raw = seal(HEAD, Plain(5, 6, b"body of a message"), mode, KEYS)
    for place in range(len(raw)):
        changed = raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :]
        assert "channel-signature" == unseal(changed, mode, KEYS).code


def test_each_policy_has_keys_of_its_own_lengths():
    sizes = {name: tuple(len(key) for key in derived(law, b"s", b"c")) for name, law in POLICY.items() if law.secures}
    assert {
        "Basic256Sha256": (32, 32, 16),
        "Aes128_Sha256_RsaOaep": (32, 16, 16),
        "Aes256_Sha256_RsaPss": (32, 32, 16),
    } == sizes


def test_the_pseudo_random_function_gives_any_length_and_the_same_beginning():
    assert pseudo_random(b"a", b"b", 80)[:33] == pseudo_random(b"a", b"b", 33)
    # published test vector of P_SHA256 for TLS 1.2 (secret, label and seed joined)
    secret = bytes.fromhex("9bbe436ba940f017b17652849a71db35")
    seed = b"test label" + bytes.fromhex("a0ba9f936cda311827a6f796ffd5198c")
    assert "e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a" == pseudo_random(secret, seed, 32).hex()


def forged(inner):
    """Return an encrypted chunk with a right signature over wrong insides."""
    import hmac

    from cryptography.hazmat.primitives.ciphers import Cipher
    from cryptography.hazmat.primitives.ciphers.algorithms import AES
    from cryptography.hazmat.primitives.ciphers.modes import CBC

    head = HEAD[:4] + (len(HEAD) + len(inner) + 32).to_bytes(4, "little") + HEAD[8:]
    plain = inner + hmac.digest(KEYS.signing, head + inner, "sha256")
    encryptor = Cipher(AES(KEYS.encrypting), CBC(KEYS.vector)).encryptor()
    return head + encryptor.update(plain) + encryptor.finalize()


@pytest.mark.parametrize("padding", [b"\x07" * 7 + b"\x08", b"\x01" * 8, b"\xff" * 8, b"\x10" * 8])
def test_a_wrong_padding_under_a_right_signature_is_a_defect(padding):
    raw = forged(bytes(8) + padding)
    assert ("channel-padding" if padding != b"\x01" * 8 else None) == getattr(
        unseal(raw, SecurityMode.SIGN_AND_ENCRYPT, KEYS), "code", None
    )


def test_what_is_too_short_or_no_whole_blocks_is_a_defect():
    both = SecurityMode.SIGN_AND_ENCRYPT
    assert "channel-ciphertext" == unseal(HEAD + bytes(33), both, KEYS).code
    assert "channel-short" == unseal(HEAD + bytes(32), both, KEYS).code
    assert "channel-short" == unseal(HEAD + bytes(39), SecurityMode.SIGN, KEYS).code
    assert "channel-short" == unseal(HEAD + bytes(7), SecurityMode.NONE, None).code


def test_keys_of_one_direction_do_not_open_the_other():
    other = Keys(b"o" * 32, KEYS.encrypting, KEYS.vector)
    raw = seal(HEAD, Plain(1, 2, b""), SecurityMode.SIGN, KEYS)
    assert "channel-signature" == unseal(raw, SecurityMode.SIGN, other).code
