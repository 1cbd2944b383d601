import msgspec
import pytest

from icsguard.inference import manifest as cards
from icsguard.inference.api import ModelRefusedError


def test_a_manifest_reads_back_as_it_was_written(small):
    card = small.manifest(small.data())
    assert card == cards.decode(cards.encode(card))


def test_an_unknown_key_is_refused(small):
    fields = msgspec.json.decode(cards.encode(small.manifest(small.data())))
    with pytest.raises(ModelRefusedError, match="cannot be read"):
        cards.decode(msgspec.json.encode(fields | {"surprise": 1}))


def test_another_version_is_refused(small):
    text = cards.encode(small.manifest(small.data(), schema="icsguard.model/9"))
    with pytest.raises(ModelRefusedError, match=r"expected icsguard\.model/1"):
        cards.decode(text)


def test_a_scaler_of_another_length_is_refused(small):
    with pytest.raises(ModelRefusedError, match="differ in length"):
        cards.decode(cards.encode(small.manifest(small.data(), mean=(0.0,))))


def test_a_giant_manifest_is_not_even_parsed():
    with pytest.raises(ModelRefusedError) as refused:
        cards.decode(b" " * (cards.MAX_MANIFEST + 1))
    assert refused.value.code == "manifest-size"


def test_a_file_that_the_manifest_does_not_name_is_refused(small):
    card = small.manifest(small.data())
    with pytest.raises(ModelRefusedError):
        cards.check_file(card, "small.onnx", small.data() + b"x")
    with pytest.raises(ModelRefusedError):
        cards.check_file(card, "other.onnx", small.data())
