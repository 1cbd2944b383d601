import pytest

from icsguard.inference import signature
from icsguard.inference.api import ModelRefusedError


def test_a_signature_fits_its_manifest(key):
    signature.check(signature.public_key(key), b"card", signature.sign(key, b"card"))


@pytest.mark.parametrize("spoil", ["manifest", "signature", "key", "length"])
def test_anything_changed_is_refused(key, spoil):
    public, text, sign = signature.public_key(key), b"card", signature.sign(key, b"card")
    if spoil == "manifest":
        text = b"care"
    elif spoil == "signature":
        sign = bytes([sign[0] ^ 1]) + sign[1:]
    elif spoil == "key":
        public = signature.public_key(signature.new_key())
    else:
        public = public[:-1]
    with pytest.raises(ModelRefusedError) as refused:
        signature.check(public, text, sign)
    assert refused.value.code == "signature"
