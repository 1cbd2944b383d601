"""OPN chunks: what one end seals the other opens, for keys of both padding laws; nothing else passes."""

import runpy
from pathlib import Path

import pytest

from icsguard.protocols.opcua.asymmetric import (
    Identity,
    SealOpen,
    UnsealOpen,
    open_head,
    policy_of,
    signed,
    verified,
)
from icsguard.protocols.opcua.certificates import certificate_of
from icsguard.protocols.opcua.security import DEPRECATED, NONE, POLICIES
from icsguard.protocols.opcua.uacp import chunk_of, frame

identity = runpy.run_path(str(Path(__file__).parent / "conftest.py"))["identity"]
SECURED = [law for law in POLICIES.values() if law.secures]
BODY = b"body of an OPN" * 12


def sealed(policy, identities, sender="client", receiver="server", body=BODY):
    peer = certificate_of(identities[receiver].certificate)
    return SealOpen(7, policy, 51, 1, body, identities[sender], peer).run()


@pytest.mark.parametrize("policy", SECURED, ids=lambda law: law.name)
@pytest.mark.parametrize(("sender", "receiver"), [("client", "server"), ("server", "client")])
@pytest.mark.parametrize("size", [0, 132, 133, 500])
def test_an_open_is_read_as_it_was_sealed(identities, policy, sender, receiver, size):
    raw = sealed(policy, identities, sender, receiver, b"b" * size)
    assert len(raw) == int.from_bytes(raw[4:8], "little")
    part = UnsealOpen(frame(raw), identities[receiver]).run()
    assert (7, policy, 51, 1, b"b" * size) == part[:5]
    assert identities[sender].certificate == part.sender.der


def test_without_security_the_body_is_clear():
    raw = SealOpen(0, NONE, 1, 2, BODY).run()
    assert BODY in raw
    assert (0, NONE, 1, 2, BODY, None) == UnsealOpen(frame(raw), None).run()


def test_a_changed_byte_does_not_pass(identities):
    raw = sealed(SECURED[0], identities)
    codes = set()
    head = open_head(frame(raw))[1]
    for place in (8, 20, head - 5, head - 600, head, len(raw) - 1):
        changed = raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :]
        codes.add(UnsealOpen(frame(changed), identities["server"]).run().code)
    assert codes <= {
        "channel-signature",
        "channel-policy",
        "channel-thumbprint",
        "channel-ciphertext",
        "channel-certificate",
    }


def test_an_open_for_another_is_refused(identities):
    raw = sealed(SECURED[0], identities)
    assert "channel-thumbprint" == UnsealOpen(frame(raw), identities["client"]).run().code
    assert "channel-thumbprint" == UnsealOpen(frame(raw), None).run().code


def test_a_signature_by_another_key_is_refused(identities):
    liar = Identity(identities["client"].certificate, identities["server"].key)
    peer = certificate_of(identities["server"].certificate)
    raw = SealOpen(7, SECURED[0], 1, 1, BODY, liar, peer).run()
    found = UnsealOpen(frame(raw), identities["server"]).run()
    assert found.code in {"channel-signature", "channel-padding"}


@pytest.mark.parametrize("cut", [1, 256, 384, 500])
def test_a_cut_ciphertext_is_refused(identities, cut):
    raw = sealed(SECURED[0], identities)
    assert UnsealOpen(frame(raw[:-cut]), identities["server"]).run().code in {"channel-ciphertext", "channel-signature"}


def test_more_blocks_than_any_open_needs_are_refused(identities):
    raw = sealed(SECURED[0], identities)
    at = open_head(frame(raw))[1]
    long = raw[:at] + bytes(384 * 30)
    assert "channel-ciphertext" == UnsealOpen(frame(long), identities["server"]).run().code


def test_an_unreadable_certificate_or_head_is_refused(identities):
    raw = sealed(SECURED[0], identities)
    der = identities["client"].certificate
    assert (
        "channel-certificate" == UnsealOpen(frame(raw.replace(der, bytes(len(der)))), identities["server"]).run().code
    )
    assert "channel-short" == UnsealOpen(frame(raw[:30]), None).run().code
    short = chunk_of(b"OPN", b"F", SealOpen(0, NONE, 1, 2, b"").run()[8:-1])
    assert "channel-short" == UnsealOpen(frame(short), None).run().code


@pytest.mark.parametrize("uri", [*sorted(DEPRECATED), "urn:x", "", None])
def test_a_policy_that_is_deprecated_or_unknown_is_refused(uri):
    assert "channel-policy" == policy_of(uri).code
    assert ("deprecated" in policy_of(uri).text) == (uri in DEPRECATED)


@pytest.mark.parametrize("policy", SECURED, ids=lambda law: law.name)
def test_a_signature_is_of_its_data_alone(identities, policy):
    key = identities["client"].key
    signature = signed(key, policy, b"data")
    assert [True, False] == [verified(key.public_key(), policy, signature, data) for data in (b"data", b"date")]


def test_a_secured_policy_without_keys_is_our_own_fault():
    with pytest.raises(ValueError, match="needs both"):
        SealOpen(0, SECURED[0], 1, 1, BODY).run()
    with pytest.raises(ValueError, match="certificate"):
        _ = Identity(b"", None).leaf


@pytest.mark.parametrize("tail", [b"\x05" * 5 + b"\x04", b"\xff" * 6])
def test_a_wrong_padding_under_a_right_signature_is_a_defect(identities, tail, monkeypatch):
    import icsguard.protocols.opcua.asymmetric as module

    def padded(inner, cipher_block, plain_block, signature):
        fill = -(len(inner) + len(tail) + signature) % plain_block
        return inner + bytes(fill) + tail

    monkeypatch.setattr(module, "_padded", padded)
    raw = sealed(SECURED[0], identities, "server", "client")
    assert "channel-padding" == UnsealOpen(frame(raw), identities["client"]).run().code


def test_a_signature_that_leaves_no_room_is_short(identities, monkeypatch):
    import icsguard.protocols.opcua.asymmetric as module

    monkeypatch.setattr(module, "_decrypted", lambda *_: bytes(10))
    raw = sealed(SECURED[0], identities)
    assert "channel-short" == UnsealOpen(frame(raw), identities["server"]).run().code


@pytest.mark.parametrize("policy", SECURED, ids=lambda law: law.name)
def test_a_key_whose_length_is_no_whole_number_of_bytes_works(identities, policy):
    odd = identity("odd", 2049, "urn:odd")
    raw = SealOpen(7, policy, 1, 1, BODY, odd, certificate_of(identities["client"].certificate)).run()
    assert BODY == UnsealOpen(frame(raw), identities["client"]).run().body
    back = SealOpen(7, policy, 1, 1, BODY, identities["client"], certificate_of(odd.certificate)).run()
    assert BODY == UnsealOpen(frame(back), odd).run().body


def test_a_key_that_only_looks_like_one_is_a_defect(identities):
    der = identities["client"].certificate
    at = der.index(b"\x02\x82\x01\x01\x00") + 5
    even = der[: at + 255] + bytes([der[at + 255] & 0xFE]) + der[at + 256 :]
    peer = certificate_of(even)
    assert 256 == peer.key_bytes
    assert "channel-certificate" == SealOpen(7, SECURED[0], 1, 1, BODY, identities["server"], peer).run().code
